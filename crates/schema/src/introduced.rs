//! When stable resources came.

/// In which minor version of Kubernetes 1 a stable resource came; those there since 1.18 and before are not listed.
///
/// Source: the release notes of Kubernetes; when `v1` of each was first served by default.
pub fn introduced(group: &str, version: &str, plural: &str) -> u32 {
    match (group, plural) {
        ("networking.k8s.io", "ingresses" | "ingressclasses") => 19,
        ("events.k8s.io" | "certificates.k8s.io", _) => 19,
        ("storage.k8s.io", "csidrivers") => 18,
        ("storage.k8s.io", "csistoragecapacities") => 24,
        ("storage.k8s.io", "volumeattributesclasses") => 34,
        ("node.k8s.io", _) => 20,
        ("policy" | "discovery.k8s.io", _) | ("batch", "cronjobs") => 21,
        ("autoscaling", _) if version == "v2" => 23,
        ("authentication.k8s.io", "selfsubjectreviews") => 28,
        ("flowcontrol.apiserver.k8s.io", _) => 29,
        (
            "admissionregistration.k8s.io",
            "validatingadmissionpolicies" | "validatingadmissionpolicybindings",
        ) => 30,
        ("networking.k8s.io", "servicecidrs" | "ipaddresses") => 33,
        ("resource.k8s.io", _) => 34,
        ("admissionregistration.k8s.io", "mutatingadmissionpolicies" | "mutatingadmissionpolicybindings") => {
            36
        }
        _ => 0,
    }
}
