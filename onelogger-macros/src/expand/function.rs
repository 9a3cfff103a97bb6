//! `#[timed_span]`: the shapes of a function.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::visit_mut::VisitMut;
use syn::{ReturnType, Signature, Token, Type, TypeImplTrait, parse_quote_spanned};

use super::callsite::{declaration, guard, if_enabled, opened, span_arguments};
use super::{as_block_of, in_parentheses, mixed_quote, observation, parameters};
use crate::ir::{Shape, TimedSpan};

pub(crate) fn timed_span(mut span: TimedSpan) -> TokenStream {
    let mut signature = span.function.signature.clone();
    let statements = match span.shape {
        Shape::Guarded => guarded(&span),
        Shape::Closure => in_closure(&span, &mut signature),
        Shape::Future => {
            let future = future(&span, &mut signature);
            return_future(&mut signature, &span.value, &span);
            future
        }
        Shape::AsyncFn => async_fn(&mut span, &mut signature),
        Shape::ReturnsFuture { is_boxed } => returned_future(&span, &mut signature, is_boxed),
    };
    let callsite = declaration(&span.opening.callsite);
    let (attributes, visibility) = (&span.function.attributes, &span.function.visibility);
    let body = as_block_of(&span.function.body, &mixed_quote!(#callsite #statements));
    quote!(#(#attributes)* #visibility #signature #body)
}

/// A guard, and the body. The block of the body is the value, so nothing in it changes.
fn guarded(span: &TimedSpan) -> TokenStream {
    let guard = guard(&span.opening);
    let body = in_parentheses(&span.function.body);
    mixed_quote!(let __onelogger_span = #guard; #body)
}

/// The body in a closure, so that `return` and `?` end there, and its value is looked at. The guard
/// is outside, for the span ends after the parameters are dropped. Attributes are evaluated inside,
/// where the parameters are.
fn in_closure(span: &TimedSpan, signature: &mut Signature) -> TokenStream {
    let krate = &span.opening.callsite.krate;
    let p = krate.private();
    let returned = nameable(&span.value);
    let (result, guard) = (mixed_quote!(&__onelogger_result), mixed_quote!(&mut __onelogger_span));
    let observe = observation::statements(&span.observation, &result, &guard, krate);
    let parameters = parameters::move_inside(signature);
    let body = in_parentheses(&span.function.body);
    let as_block = |statements| as_block_of(&span.function.body, &statements);
    if span.opening.is_plain() {
        let body = as_block(mixed_quote!({ #parameters #body }));
        let by_move = quote_spanned!(body.span()=> move);
        return mixed_quote! {
            let mut __onelogger_span = #p::SpanGuard::entered(&__ONELOGGER_CALLSITE);
            let __onelogger_result = #p::run(#by_move || -> #returned #body);
            #observe
            __onelogger_result
        };
    }
    let opened = opened(&span.opening);
    let open = if_enabled(&mixed_quote!(*__onelogger_span = #opened;));
    let body = as_block(mixed_quote!({ #parameters #open #body }));
    let by_move = quote_spanned!(body.span()=> move);
    mixed_quote! {
        let mut __onelogger_span = #p::SpanGuard::new();
        let __onelogger_result = #p::call(
            &mut __onelogger_span,
            #by_move |__onelogger_span: &mut #p::SpanGuard| -> #returned #body,
        );
        #observe
        __onelogger_result
    }
}

/// The future of an `async fn`. It takes all parameters with it before it is polled, as that of an
/// `async fn` does.
fn future(span: &TimedSpan, signature: &mut Signature) -> TokenStream {
    let krate = &span.opening.callsite.krate;
    let p = krate.private();
    let arguments = span_arguments(&span.opening);
    let open = if_enabled(&mixed_quote!(#p::open_in_future(&__ONELOGGER_CALLSITE, &#arguments);));
    let returned = nameable(&span.value);
    let observe = observation::closure(&span.observation, krate);
    let parameters = parameters::move_inside(signature);
    let body = in_parentheses(&span.function.body);
    // An async block takes its type from the first `return` that the compiler meets. The one here is
    // never run and has the declared type, so that a mismatch in the body is found in the body.
    let typed = mixed_quote! {
        #[allow(
            unreachable_code,
            clippy::diverging_sub_expression,
            clippy::empty_loop,
            clippy::let_unit_value,
            clippy::let_with_type_underscore,
            clippy::needless_return
        )]
        if false {
            let __onelogger_never: #returned = loop {};
            return __onelogger_never;
        }
    };
    let body = mixed_quote!({ #typed #parameters #open #body });
    let body = as_block_of(&span.function.body, &body);
    let future = quote_spanned!(body.span()=> async move #body);
    mixed_quote!(#p::timed::<#returned, _, _>(#future, #observe))
}

/// Makes an `async fn` a `fn`. The `impl` is ours and so of this crate's edition, in which it
/// captures what the future of an `async fn` captures; those within the output do so as well.
fn return_future(signature: &mut Signature, output: &Type, span: &TimedSpan) {
    let p = span.opening.callsite.krate.private();
    let mut output = output.clone();
    AsInAsyncFn.visit_type_mut(&mut output);
    signature.asyncness = None;
    signature.output = ReturnType::Type(
        Token![->](Span::mixed_site()),
        Box::new(Type::Verbatim(mixed_quote!(impl #p::Future<Output = #output>))),
    );
}

/// The future of an `async fn` that stays one. A future that never ends gives a value that nobody
/// can make, and what is done with it never happens.
fn async_fn(span: &mut TimedSpan, signature: &mut Signature) -> TokenStream {
    if !matches!(span.value, Type::Never(_)) {
        let future = future(span, signature);
        return mixed_quote!(#future.await);
    }
    let p = span.opening.callsite.krate.private();
    span.value = parse_quote_spanned!(Span::mixed_site()=> #p::core::convert::Infallible);
    let future = future(span, signature);
    mixed_quote!(match #future.await {})
}

/// A future that the body makes. The call is what evaluates the attributes; the span begins when the
/// future is polled.
fn returned_future(span: &TimedSpan, signature: &mut Signature, is_boxed: bool) -> TokenStream {
    let krate = &span.opening.callsite.krate;
    let p = krate.private();
    let arguments = span_arguments(&span.opening);
    let prepare = if_enabled(&mixed_quote! {
        __onelogger_span.prepare(&__ONELOGGER_CALLSITE, &#arguments);
    });
    let returned = match &signature.output {
        ReturnType::Type(_, boxed) if is_boxed => nameable(boxed),
        _ => mixed_quote!(_),
    };
    let observe = observation::closure(&span.observation, krate);
    let parameters = parameters::move_inside(signature);
    let body = in_parentheses(&span.function.body);
    let body = as_block_of(&span.function.body, &mixed_quote!({ #parameters #prepare #body }));
    let by_move = quote_spanned!(body.span()=> move);
    let output = nameable(&span.value);
    let timed = mixed_quote! {
        #p::timed_prepared::<#output, _, _>(__onelogger_span, __onelogger_future, #observe)
    };
    let timed = if is_boxed { mixed_quote!(#p::Box::pin(#timed)) } else { timed };
    mixed_quote! {
        let mut __onelogger_span = #p::PreparedSpan::new();
        let __onelogger_future = #p::call_prepared(
            &mut __onelogger_span,
            #by_move |__onelogger_span: &mut #p::PreparedSpan| -> #returned #body,
        );
        #timed
    }
}

/// The type as it can be written in a body: with `_` for each `impl Trait`.
fn nameable(ty: &Type) -> TokenStream {
    let mut ty = ty.clone();
    Nameable.visit_type_mut(&mut ty);
    ty.into_token_stream()
}

struct Nameable;

impl VisitMut for Nameable {
    fn visit_type_mut(&mut self, ty: &mut Type) {
        if let Type::ImplTrait(_) = ty {
            *ty = parse_quote_spanned!(Span::mixed_site()=> _);
        } else {
            syn::visit_mut::visit_type_mut(self, ty);
        }
    }
}

/// Gives each `impl Trait` the edition of this crate.
struct AsInAsyncFn;

impl VisitMut for AsInAsyncFn {
    fn visit_type_impl_trait_mut(&mut self, ty: &mut TypeImplTrait) {
        ty.impl_token.span = Span::mixed_site().located_at(ty.impl_token.span);
        syn::visit_mut::visit_type_impl_trait_mut(self, ty);
    }
}
