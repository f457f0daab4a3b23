//! The project that is deployed through faults: every kind of step that a deploy has.

use kluctl_testkit::Environment;

use crate::start::environment;

const DEPLOYMENT: &str = "\
deployments:
  - path: namespace
  - barrier: true
  - path: kinds
  - path: app
    waitReadiness: true
    deleteObjects:
      - {kind: ConfigMap, name: retired, namespace: '{{ args.run }}', group: ''}
    when: args.round | string == '2'
  - path: app
    waitReadiness: true
    when: args.round | string == '1'
  - path: hooks
  - barrier: true
  - path: fixed
  - path: left
    when: args.round | string == '1'
";

const APP: &str = "\
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {round: '{{ args.round }}', same: 'yes', more: '{{ args.more }}'}
---
apiVersion: v1
kind: Secret
metadata: {name: secret}
stringData: {password: 'of-round-{{ args.round }}'}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: 'web:{{ args.round }}'}]}
";

const HOOKS: &str = "\
apiVersion: batch/v1
kind: Job
metadata:
  name: migrate
  annotations: {kluctl.io/hook: pre-deploy, kluctl.io/hook-delete-policy: 'before-hook-creation,hook-succeeded'}
spec: {template: {spec: {restartPolicy: Never, containers: [{name: c, image: i}]}}}
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: stays
  annotations: {kluctl.io/hook: post-deploy}
data: {round: '{{ args.round }}'}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: beside-hooks}
";

const LEFT: &str = "\
apiVersion: v1
kind: ConfigMap
metadata: {name: retired}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: orphan-1}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: orphan-2}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: protected, annotations: {kluctl.io/skip-delete: 'true'}}
";

/// A project that uses every kind of step a deploy has.
pub(crate) fn project() -> Environment {
    let environment = environment();
    let write = |path: &str, text: &str| environment.write(path, text);
    write(
        ".kluctl.yaml",
        "discriminator: 'faults-{{ args.run }}'\nargs:\n  - name: run\n  - name: round\n  - {name: more, default: none}\n",
    );
    write(
        "deployment.yaml",
        &format!("overrideNamespace: '{{{{ args.run }}}}'\n{DEPLOYMENT}"),
    );
    write(
        "namespace/ns.yaml",
        "apiVersion: v1\nkind: Namespace\nmetadata: {name: '{{ args.run }}'}\n",
    );
    write(
        "kinds/kinds.yaml",
        "apiVersion: '{{ args.run }}.faults.example.com/v1'\nkind: Thing\nmetadata: {name: thing}\nspec: {round: '{{ args.round }}'}\n---\n\
         apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: 'things.{{ args.run }}.faults.example.com'}\n\
         spec:\n  group: '{{ args.run }}.faults.example.com'\n  scope: Namespaced\n  names: {kind: Thing, plural: things, singular: thing, listKind: ThingList}\n\
         \x20 versions:\n    - name: v1\n      served: true\n      storage: true\n      schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}\n",
    );
    write("app/app.yaml", APP);
    write("hooks/hooks.yaml", HOOKS);
    write(
        "fixed/fixed.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: fixed}\nimmutable: true\ndata: {round: '{{ args.round }}'}\n",
    );
    write("left/left.yaml", LEFT);
    environment
}
