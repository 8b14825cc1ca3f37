//! The clauses on a cluster, if there is one: that of the present context of the kubeconfig, in the namespace `FOSTER_KUBE_NAMESPACE`.
//! Objects stay there.

use std::env;
use std::sync::Arc;
use std::time::Duration;

use foster_kube::Kube;
use foster_lease::conformance::Kit;

fn kit() -> Option<Kit> {
    let namespace = env::var("FOSTER_KUBE_NAMESPACE").ok()?;
    Some(Kit::new(
        Duration::from_secs(3),
        move |name, holder, length| {
            let kube = Kube::connect().expect("a thread");
            Arc::new(kube.namespace(&*namespace).lease(name, holder, length))
        },
    ))
}

foster_lease::lease_conformance!(kit());
