use std::collections::{BTreeMap, HashMap};
use std::hash::BuildHasher;

/// A carrier that values are read from, as in OpenTelemetry: the headers of a request, the properties
/// of a message.
///
/// Maps and lists of texts are carriers; names are compared without regard to case, as those of
/// headers are. Others are one line with [`extractor`].
///
/// ```
/// use onelogger::context::{Context, Extractor};
///
/// struct Message {
///     properties: Vec<(String, Vec<u8>)>,
/// }
///
/// impl Extractor for Message {
///     fn for_each_value(&self, name: &str, found: &mut dyn FnMut(&str)) {
///         for (key, value) in &self.properties {
///             if key == name && let Ok(value) = str::from_utf8(value) {
///                 found(value);
///             }
///         }
///     }
/// }
///
/// let properties = vec![("baggage".to_owned(), b"userId=alice".to_vec())];
/// let context = Context::extract(&Message { properties });
/// assert_eq!(context.baggage().get("userId"), Some("alice"));
/// ```
pub trait Extractor {
    /// Calls `found` with each value of a name, in the carrier's order. What is no text is left out.
    ///
    /// The name is in lower case; whether case matters is for the carrier to know.
    fn for_each_value(&self, name: &str, found: &mut dyn FnMut(&str));
}

/// A carrier that values are written into, as in OpenTelemetry.
///
/// Maps and lists of texts are carriers. A name that they have already, in whatever case, is replaced:
/// headers that are handed on may have the fields of who sent them. Others are one line with
/// [`injector`].
///
/// ```
/// use onelogger::context::{Context, Injector};
///
/// struct Message {
///     properties: Vec<(String, Vec<u8>)>,
/// }
///
/// impl Injector for Message {
///     fn set(&mut self, name: &'static str, value: String) {
///         self.properties.push((name.to_owned(), value.into_bytes()));
///     }
/// }
///
/// let mut message = Message { properties: Vec::new() };
/// Context::extract(&[("baggage", "userId=alice")]).inject(&mut message);
/// assert_eq!(message.properties, [("baggage".to_owned(), b"userId=alice".to_vec())]);
/// ```
pub trait Injector {
    /// Sets the value of a name, and takes the place of one that is there. The name is in lower case.
    fn set(&mut self, name: &'static str, value: String);
}

/// Makes a carrier to read from of a closure that gives all values of a name.
///
/// For the `HeaderMap` of the `http` crate, and what looks like it:
///
/// ```
/// use onelogger::context::{Context, extractor};
/// # struct HeaderMap(Vec<(&'static str, HeaderValue)>);
/// # struct HeaderValue(&'static str);
/// # impl HeaderValue {
/// #     fn to_str(&self) -> Result<&str, ()> { Ok(self.0) }
/// # }
/// # impl HeaderMap {
/// #     fn get_all(&self, name: &str) -> GetAll<'_> {
/// #         GetAll(self.0.iter().filter(|(key, _)| *key == name).map(|(_, value)| value).collect())
/// #     }
/// # }
/// # struct GetAll<'a>(Vec<&'a HeaderValue>);
/// # impl<'a> GetAll<'a> {
/// #     fn iter(&self) -> std::vec::IntoIter<&'a HeaderValue> { self.0.clone().into_iter() }
/// # }
/// # let headers = HeaderMap(vec![("baggage", HeaderValue("a=1")), ("baggage", HeaderValue("b=2"))]);
/// let values = extractor(|name| headers.get_all(name).iter().filter_map(|v| v.to_str().ok()));
/// let context = Context::extract(&values);
/// # assert_eq!(context.baggage().to_string(), "a=1,b=2");
/// ```
pub fn extractor<V>(get_all: impl Fn(&str) -> V) -> impl Extractor
where
    V: IntoIterator<Item: AsRef<str>>,
{
    FromFn(get_all)
}

/// Makes a carrier to write into of a closure that sets the value of a name.
///
/// For the `HeaderMap` of the `http` crate, and what looks like it:
///
/// ```
/// use onelogger::context::{self, Context, injector};
/// # #[derive(Default)]
/// # struct HeaderMap(Vec<(&'static str, HeaderValue)>);
/// # struct HeaderValue(String);
/// # impl TryFrom<String> for HeaderValue {
/// #     type Error = ();
/// #     fn try_from(text: String) -> Result<HeaderValue, ()> { Ok(HeaderValue(text)) }
/// # }
/// # impl HeaderMap {
/// #     fn insert(&mut self, name: &'static str, value: HeaderValue) { self.0.push((name, value)) }
/// # }
/// # let mut headers = HeaderMap::default();
/// # let _attached = Context::extract(&[("baggage", "a=1")]).attach();
/// let put = |name, value: String| _ = HeaderValue::try_from(value).map(|v| headers.insert(name, v));
/// context::inject(&mut injector(put));
/// # assert_eq!(headers.0[0].1.0, "a=1");
/// ```
pub fn injector(set: impl FnMut(&'static str, String)) -> impl Injector {
    FromFn(set)
}

struct FromFn<F>(F);

impl<V: IntoIterator<Item: AsRef<str>>, F: Fn(&str) -> V> Extractor for FromFn<F> {
    fn for_each_value(&self, name: &str, found: &mut dyn FnMut(&str)) {
        for value in (self.0)(name) {
            found(value.as_ref());
        }
    }
}

impl<F: FnMut(&'static str, String)> Injector for FromFn<F> {
    fn set(&mut self, name: &'static str, value: String) {
        (self.0)(name, value);
    }
}

impl<C: Extractor + ?Sized> Extractor for &C {
    fn for_each_value(&self, name: &str, found: &mut dyn FnMut(&str)) {
        (**self).for_each_value(name, found);
    }
}

impl<K: AsRef<str>, V: AsRef<str>> Extractor for [(K, V)] {
    fn for_each_value(&self, name: &str, found: &mut dyn FnMut(&str)) {
        find(self.iter().map(|(key, value)| (key, value)), name, found);
    }
}

impl<K: AsRef<str>, V: AsRef<str>, const N: usize> Extractor for [(K, V); N] {
    fn for_each_value(&self, name: &str, found: &mut dyn FnMut(&str)) {
        self.as_slice().for_each_value(name, found);
    }
}

impl<K: AsRef<str>, V: AsRef<str>> Extractor for Vec<(K, V)> {
    fn for_each_value(&self, name: &str, found: &mut dyn FnMut(&str)) {
        self.as_slice().for_each_value(name, found);
    }
}

impl<K: AsRef<str>, V: AsRef<str>, S> Extractor for HashMap<K, V, S> {
    fn for_each_value(&self, name: &str, found: &mut dyn FnMut(&str)) {
        find(self, name, found);
    }
}

impl<K: AsRef<str>, V: AsRef<str>> Extractor for BTreeMap<K, V> {
    fn for_each_value(&self, name: &str, found: &mut dyn FnMut(&str)) {
        find(self, name, found);
    }
}

fn find<'a, K: AsRef<str> + 'a, V: AsRef<str> + 'a>(
    entries: impl IntoIterator<Item = (&'a K, &'a V)>,
    name: &str,
    found: &mut dyn FnMut(&str),
) {
    for (key, value) in entries {
        if key.as_ref().eq_ignore_ascii_case(name) {
            found(value.as_ref());
        }
    }
}

impl<C: Injector + ?Sized> Injector for &mut C {
    fn set(&mut self, name: &'static str, value: String) {
        (**self).set(name, value);
    }
}

impl<S: BuildHasher> Injector for HashMap<String, String, S> {
    fn set(&mut self, name: &'static str, value: String) {
        self.retain(|key, _| !key.eq_ignore_ascii_case(name));
        self.insert(name.to_owned(), value);
    }
}

impl Injector for BTreeMap<String, String> {
    fn set(&mut self, name: &'static str, value: String) {
        self.retain(|key, _| !key.eq_ignore_ascii_case(name));
        self.insert(name.to_owned(), value);
    }
}

impl Injector for Vec<(String, String)> {
    fn set(&mut self, name: &'static str, value: String) {
        self.retain(|(key, _)| !key.eq_ignore_ascii_case(name));
        self.push((name.to_owned(), value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(carrier: &(impl Extractor + ?Sized)) -> Vec<String> {
        let mut values = Vec::new();
        carrier.for_each_value("baggage", &mut |value| values.push(value.to_owned()));
        values
    }

    fn set_twice<C: Injector + Extractor>(mut carrier: C) {
        carrier.set("baggage", "a=1".into());
        carrier.set("baggage", "b=2".into());
        carrier.set("tracestate", "c=3".into());
        assert_eq!(values(&carrier), ["b=2"]);
    }

    #[test]
    fn a_name_that_is_there_is_replaced_in_whatever_case() {
        let before = [("Baggage".to_owned(), "x=0".to_owned())];
        set_twice(before.to_vec());
        set_twice(HashMap::from(before.clone()));
        set_twice(BTreeMap::from(before));
    }

    #[test]
    fn all_values_of_a_name_are_found_in_order_and_in_whatever_case() {
        let list =
            [("baggage", "a=1"), ("BAGGAGE", "b=2"), ("x-baggage", "c=3"), ("BagGage", "d=4")];
        assert_eq!(values(&list), ["a=1", "b=2", "d=4"]);
        assert_eq!(values(&list[1..]), ["b=2", "d=4"]);
        assert_eq!(values(&list.to_vec()), ["a=1", "b=2", "d=4"]);
        assert_eq!(values(&&HashMap::from([list[3]])), ["d=4"]);
        assert_eq!(values(&BTreeMap::from(list)), ["b=2", "d=4", "a=1"]);
        let asked: &dyn Extractor = &extractor(|name| Some(format!("{name}=1")));
        assert_eq!(values(asked), ["baggage=1"]);
    }
}
