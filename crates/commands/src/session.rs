//! What a command works with: a cluster, somebody who listens, a way to stop.

use kluctl_apply::Events;
use kluctl_cluster::{ApiError, Cluster};
use kluctl_object::{Gvk, Object, ObjectRef};
use tokio_util::sync::CancellationToken;

/// What a command works with.
#[derive(Clone, Debug)]
pub struct Session {
    /// The cluster; `None` where there is no kubeconfig.
    pub cluster: Option<Cluster>,
    /// Takes what happens.
    pub events: Events,
    /// Stops the command: nothing new is started.
    pub stop: CancellationToken,
}

impl Session {
    /// The cluster's id: the uid of the namespace `kube-system`. `None` where rights are missing.
    pub async fn cluster_id(&self) -> Result<Option<String>, ApiError> {
        let Some(cluster) = &self.cluster else {
            return Ok(None);
        };
        let namespace = ObjectRef::new(&Gvk::new("", "v1", "Namespace"), None, "kube-system");
        let uid = |object: &Object| object.str_at(&["metadata", "uid"]).map(str::to_owned);
        match cluster.get(&namespace).await {
            Ok(answer) => Ok(answer.value.as_ref().and_then(uid)),
            // whoever may not read it may still list it
            Err(error) if error.is_denied() => {
                let resource = cluster.resource(&namespace).await?;
                match cluster.list_metadata(&resource, None).await {
                    Ok(answer) => Ok(answer
                        .value
                        .iter()
                        .find(|object| object.name() == "kube-system")
                        .and_then(uid)),
                    Err(error) if error.is_denied() => Ok(None),
                    Err(error) => Err(error),
                }
            }
            Err(error) => Err(error),
        }
    }
}
