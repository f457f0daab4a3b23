//! `poke-images`: sets the images that templates ask for, and nothing else.

use std::sync::Arc;

use kluctl_apply::{DiffOptions, Fetch, ImageOverride, ItemOutcome, LiveObjects, Outcome, Problems};
use kluctl_object::Object;

use crate::deploy::{compare, orphans};
use crate::finish::{Finished, Gathered, finish};
use crate::session::Session;
use crate::target::Target;

/// Sets images in live objects.
pub async fn poke_images(session: &Session, target: &Target, dry_run: bool, want_clear: bool) -> Finished {
    let mut target = target.clone();
    target.head.command.dry_run = dry_run;
    let target = &target;
    let mut problems = Problems::default();
    let Some(cluster) = &session.cluster else {
        problems.error(None, "can not replace images without a Kubernetes API client");
        let gathered = Gathered {
            problems,
            ..Gathered::default()
        };
        return finish(session, target, "poke-images", gathered, want_clear).await;
    };
    let local: Vec<&Object> = target.objects().collect();
    let what = Fetch {
        discriminator: None,
        local: &local,
        only_local_kinds: false,
    };
    let live = match LiveObjects::fetch(cluster, &what, &session.events).await {
        Ok((live, found)) => {
            problems.extend(found);
            Arc::new(live)
        }
        Err(error) => {
            problems.error(None, error.to_string());
            Arc::new(LiveObjects::default())
        }
    };
    let images = images(target, &local, &mut problems);
    let writer = cluster.with_dry_run(dry_run || cluster.is_dry_run());
    let applied = kluctl_apply::poke_images(&writer, &live, &images, &mut problems).await;
    let outcome = Outcome {
        items: vec![ItemOutcome {
            applied,
            ..ItemOutcome::default()
        }],
    };
    let changed = compare(target, &live, &outcome, DiffOptions::default(), &mut problems);
    let gathered = Gathered {
        orphans: orphans(cluster, target, &live).await,
        live: Some(&live),
        outcome: Some(&outcome),
        changed,
        deleted: Vec::new(),
        problems,
    };
    finish(session, target, "poke-images", gathered, want_clear).await
}

/// Which container of which object gets which image.
fn images(target: &Target, local: &[&Object], problems: &mut Problems) -> Vec<ImageOverride> {
    let mut images = Vec::new();
    for seen in &target.rendered.seen_images {
        let Some(object) = &seen.object else { continue };
        if !local
            .iter()
            .any(|known| known.reference().identity() == object.identity())
        {
            let message = "object not found while trying to associate image with deployed object";
            problems.error(Some(object), message);
            continue;
        }
        if let Some(container) = &seen.container {
            images.push(ImageOverride {
                object: object.clone(),
                container: container.clone(),
                image: seen.result_image.clone(),
            });
        }
    }
    images
}
