//! The pod, as far as it tells its containers.

use onelogger::Attributes;

use super::surroundings::Surroundings;
use crate::names::semantic;

/// Variables that manifests give the values of the downward API, by custom. What has no prefix is
/// used by others too (Jenkins has a `NODE_NAME`), and counts only where Kubernetes is.
const VARIABLES: &[(&str, &[&str], &[&str])] = &[
    (semantic::K8S_POD_NAME, &["K8S_POD_NAME"], &["POD_NAME"]),
    (semantic::K8S_POD_UID, &["K8S_POD_UID"], &["POD_UID"]),
    (
        semantic::K8S_NAMESPACE_NAME,
        &["K8S_NAMESPACE", "K8S_NAMESPACE_NAME", "K8S_POD_NAMESPACE"],
        &["POD_NAMESPACE", "NAMESPACE"],
    ),
    (semantic::K8S_NODE_NAME, &["K8S_NODE_NAME"], &["NODE_NAME"]),
    (semantic::K8S_CONTAINER_NAME, &["K8S_CONTAINER_NAME"], &["CONTAINER_NAME"]),
    (semantic::K8S_CLUSTER_NAME, &["K8S_CLUSTER_NAME"], &[]),
    (semantic::K8S_DEPLOYMENT_NAME, &["K8S_DEPLOYMENT_NAME"], &[]),
];

/// Where a pod finds its namespace, if it has a service account.
const NAMESPACE_FILE: &str = "var/run/secrets/kubernetes.io/serviceaccount/namespace";

pub(super) fn detect(surroundings: &Surroundings<'_>) -> Attributes {
    let is_there = is_there(surroundings);
    let mut found = Attributes::new();
    for (name, certain, ambiguous) in VARIABLES {
        let ambiguous = || surroundings.any_variable(ambiguous).filter(|_| is_there);
        if let Some(value) = surroundings.any_variable(certain).or_else(ambiguous) {
            found.set(*name, value);
        }
    }
    if is_there
        && found.get(semantic::K8S_NAMESPACE_NAME).is_none()
        && let Some(namespace) = surroundings.word(NAMESPACE_FILE)
    {
        found.set(semantic::K8S_NAMESPACE_NAME, namespace);
    }
    found
}

/// Every container of a pod has this.
pub(super) fn is_there(surroundings: &Surroundings<'_>) -> bool {
    surroundings.variable("KUBERNETES_SERVICE_HOST").is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detectors::surroundings::Fixture;

    #[test]
    fn a_pod_tells_what_it_was_given() {
        let fixture = Fixture::new()
            .variable("K8S_POD_NAME", "trainer-0")
            .variable("K8S_POD_UID", "4d2c1b3a-0000-4000-8000-000000000001")
            .variable("K8S_NAMESPACE", "research")
            .variable("K8S_NODE_NAME", "node-7")
            .variable("K8S_CONTAINER_NAME", "main")
            .variable("K8S_CLUSTER_NAME", "blue")
            .variable("K8S_DEPLOYMENT_NAME", "trainer");
        let expected = Attributes::from([
            ("k8s.pod.name", "trainer-0"),
            ("k8s.pod.uid", "4d2c1b3a-0000-4000-8000-000000000001"),
            ("k8s.namespace.name", "research"),
            ("k8s.node.name", "node-7"),
            ("k8s.container.name", "main"),
            ("k8s.cluster.name", "blue"),
            ("k8s.deployment.name", "trainer"),
        ]);
        assert_eq!(detect(&fixture.surroundings()), expected);
    }

    #[test]
    fn names_that_others_use_too_count_on_kubernetes_only() {
        let elsewhere = || {
            let fixture = Fixture::new().variable("NODE_NAME", "builder").variable("POD_NAME", "p");
            fixture.file(NAMESPACE_FILE, "research")
        };
        assert!(detect(&elsewhere().surroundings()).is_empty());
        let there = elsewhere().variable("KUBERNETES_SERVICE_HOST", "10.0.0.1");
        let expected = Attributes::from([
            ("k8s.pod.name", "p"),
            ("k8s.node.name", "builder"),
            ("k8s.namespace.name", "research"),
        ]);
        assert_eq!(detect(&there.surroundings()), expected);
        let both = there.variable("K8S_POD_NAME", "certain").variable("NAMESPACE", "given");
        let found = detect(&both.surroundings());
        assert_eq!(found.get_str("k8s.pod.name"), Ok(Some("certain")));
        assert_eq!(found.get_str("k8s.namespace.name"), Ok(Some("given")));
    }
}
