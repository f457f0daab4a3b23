#!/usr/bin/env python3
"""Records what a real kube-apiserver makes of objects on creation (dry run), as goldens of defaulting.

usage: record.py URL TOKEN FILE
"""
import copy, json, ssl, sys, urllib.error, urllib.request

URL, TOKEN, FILE = sys.argv[1:4]
CONTEXT = ssl._create_unverified_context()


def call(method, path, body=None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(URL + path, data=data, method=method, headers={
        'Authorization': 'Bearer ' + TOKEN, 'Content-Type': 'application/json', 'Accept': 'application/json'})
    try:
        with urllib.request.urlopen(request, context=CONTEXT) as response:
            return response.status, json.loads(response.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


POD = {'containers': [{'name': 'a', 'image': 'nginx'}]}
FULL = {
    'initContainers': [{'name': 'i', 'image': 'x:1', 'restartPolicy': 'Always', 'resources': {'limits': {'cpu': '1.5'}}}],
    'containers': [{
        'name': 'a', 'image': 'nginx@sha256:' + 'a' * 64,
        'ports': [{'containerPort': 80}, {'containerPort': 53, 'protocol': 'UDP'}],
        'env': [{'name': 'A', 'value': ''}, {'name': 'N', 'valueFrom': {'fieldRef': {'fieldPath': 'metadata.name'}}},
                {'name': 'R', 'valueFrom': {'resourceFieldRef': {'resource': 'limits.cpu'}}},
                {'name': 'S', 'valueFrom': {'secretKeyRef': {'name': 's', 'key': 'k'}}}],
        'livenessProbe': {'httpGet': {'port': 'http'}}, 'readinessProbe': {'tcpSocket': {'port': 1}, 'periodSeconds': 3},
        'startupProbe': {'grpc': {'port': 5}}, 'lifecycle': {'preStop': {'httpGet': {'port': 80}}},
        'resources': {'limits': {'cpu': '0.5', 'memory': '1024Mi'}, 'requests': {'cpu': 0.1}},
        'securityContext': {}, 'stdin': False, 'args': []}],
    'volumes': [
        {'name': 'a'}, {'name': 'b', 'secret': {'secretName': 's'}}, {'name': 'c', 'configMap': {'name': 'c'}},
        {'name': 'd', 'downwardAPI': {'items': [{'path': 'p', 'fieldRef': {'fieldPath': 'metadata.name'}}]}},
        {'name': 'e', 'projected': {'sources': [{'serviceAccountToken': {'path': 't'}}, {'configMap': {'name': 'x'}}]}},
        {'name': 'f', 'hostPath': {'path': '/x'}}, {'name': 'g', 'emptyDir': {'sizeLimit': '1000Mi'}},
        {'name': 'h', 'persistentVolumeClaim': {'claimName': 'x'}}, {'name': 'i', 'iscsi': {'targetPortal': '1.2.3.4', 'iqn': 'iqn.2015-02.example.com:test', 'lun': 0}},
        {'name': 'j', 'rbd': {'monitors': ['a'], 'image': 'i'}}, {'name': 'k', 'azureDisk': {'diskName': 'd', 'diskURI': 'https://blob/d.vhd'}},
        {'name': 'l', 'ephemeral': {'volumeClaimTemplate': {'spec': {'accessModes': ['ReadWriteOnce'], 'resources': {'requests': {'storage': '1Gi'}}}}}}],
    'topologySpreadConstraints': [{'maxSkew': 1, 'topologyKey': 'z', 'whenUnsatisfiable': 'DoNotSchedule', 'labelSelector': {}}],
    'affinity': {'podAntiAffinity': {'preferredDuringSchedulingIgnoredDuringExecution': [{'weight': 1, 'podAffinityTerm': {'topologyKey': 'z'}}]}},
    'serviceAccountName': 'sa', 'hostAliases': [], 'nodeSelector': {}}
LABELS = {'metadata': {'labels': {'app': 'x'}}}


def template(spec=None, **extra):
    return dict(copy.deepcopy(LABELS), spec=dict(copy.deepcopy(spec or POD), **extra))


SELECTOR = {'matchLabels': {'app': 'x'}}


def objects():
    def make(api_version, kind, plural, scope='n', name='x', **rest):
        body = dict({'apiVersion': api_version, 'kind': kind, 'metadata': {'name': name}}, **rest)
        base = '/api/' if '/' not in api_version else '/apis/'
        return base + api_version + ('/namespaces/default/' if scope == 'n' else '/') + plural, body
    apps, batch = 'apps/v1', 'batch/v1'
    net, rbac, storage = 'networking.k8s.io/v1', 'rbac.authorization.k8s.io/v1', 'storage.k8s.io/v1'
    admission, flow = 'admissionregistration.k8s.io/v1', 'flowcontrol.apiserver.k8s.io/v1'
    yield make('v1', 'ConfigMap', 'configmaps')
    yield make('v1', 'ConfigMap', 'configmaps', data={'a': '', 'b': None}, binaryData={'x': 'YQ=='}, immutable=False)
    yield make('v1', 'Secret', 'secrets', stringData={'a': 'b', 'c': ''}, data={'a': 'eA==', 'd': 'MQ=='})
    yield make('v1', 'Secret', 'secrets', type='kubernetes.io/tls', data={'tls.crt': '', 'tls.key': ''})
    yield make('v1', 'Pod', 'pods', spec=POD)
    yield make('v1', 'Pod', 'pods', spec=FULL)
    yield make('v1', 'Pod', 'pods', spec=dict(POD, hostNetwork=True, containers=[{'name': 'a', 'image': 'x:latest', 'ports': [{'containerPort': 80}]}]))
    yield make('v1', 'Service', 'services', spec={'ports': [{'port': 80, 'name': 'a'}, {'port': 81, 'name': 'b', 'targetPort': 'http', 'protocol': 'UDP'}]})
    yield make('v1', 'Service', 'services', spec={'type': 'NodePort', 'ports': [{'port': 80}]})
    yield make('v1', 'Service', 'services', spec={'type': 'LoadBalancer', 'ports': [{'port': 80}], 'sessionAffinity': 'ClientIP'})
    yield make('v1', 'Service', 'services', spec={'type': 'ExternalName', 'externalName': 'example.com'})
    yield make('v1', 'Service', 'services', spec={'clusterIP': 'None', 'selector': {'a': 'b'}})
    yield make('v1', 'ServiceAccount', 'serviceaccounts')
    yield make('v1', 'Namespace', 'namespaces', 'c', name='some')
    yield make('v1', 'PersistentVolumeClaim', 'persistentvolumeclaims', spec={'accessModes': ['ReadWriteOnce'], 'resources': {'requests': {'storage': '1024Mi'}}})
    yield make('v1', 'PersistentVolume', 'persistentvolumes', 'c', spec={'capacity': {'storage': '5Gi'}, 'accessModes': ['ReadWriteOnce'], 'hostPath': {'path': '/x'}})
    yield make('v1', 'LimitRange', 'limitranges', spec={'limits': [{'type': 'Container', 'max': {'cpu': '2'}, 'min': {'memory': '64Mi'}}, {'type': 'Pod', 'max': {'cpu': '4'}}]})
    yield make('v1', 'ResourceQuota', 'resourcequotas', spec={'hard': {'pods': '10', 'requests.cpu': '1000m'}})
    yield make('v1', 'ReplicationController', 'replicationcontrollers', spec={'template': template()})
    yield make('v1', 'PodTemplate', 'podtemplates', template=template())
    yield make('v1', 'Endpoints', 'endpoints', subsets=[{'addresses': [{'ip': '10.1.2.3'}], 'ports': [{'port': 80}]}])
    yield make('v1', 'Event', 'events', involvedObject={'namespace': 'default', 'kind': 'Pod', 'name': 'p'}, reason='r', message='m')
    yield make('v1', 'Node', 'nodes', 'c', name='n1')
    yield make(apps, 'Deployment', 'deployments', spec={'selector': SELECTOR, 'template': template(FULL)})
    yield make(apps, 'Deployment', 'deployments', spec={'selector': SELECTOR, 'template': template(), 'replicas': 0, 'strategy': {'type': 'Recreate'}})
    yield make(apps, 'Deployment', 'deployments', spec={'selector': SELECTOR, 'template': template(), 'strategy': {'rollingUpdate': {'maxSurge': 2}}})
    yield make(apps, 'StatefulSet', 'statefulsets', spec={'selector': SELECTOR, 'template': template(), 'serviceName': 's', 'volumeClaimTemplates': [
        {'metadata': {'name': 'd'}, 'spec': {'accessModes': ['ReadWriteOnce'], 'resources': {'requests': {'storage': '1Gi'}}}}]})
    yield make(apps, 'StatefulSet', 'statefulsets', spec={'selector': SELECTOR, 'template': template(), 'updateStrategy': {'type': 'OnDelete'}})
    yield make(apps, 'StatefulSet', 'statefulsets', spec={'selector': SELECTOR, 'template': template(), 'updateStrategy': {'type': 'RollingUpdate'}})
    yield make(apps, 'DaemonSet', 'daemonsets', spec={'selector': SELECTOR, 'template': template(hostNetwork=True, containers=[{'name': 'a', 'image': 'x:1', 'ports': [{'containerPort': 80}]}])})
    yield make(apps, 'ReplicaSet', 'replicasets', spec={'selector': SELECTOR, 'template': template()})
    yield make(apps, 'ControllerRevision', 'controllerrevisions', data={'a': 1}, revision=1)
    yield make(batch, 'Job', 'jobs', spec={'template': {'spec': dict(POD, restartPolicy='Never')}})
    yield make(batch, 'Job', 'jobs', spec={'parallelism': 2, 'backoffLimitPerIndex': 1, 'completions': 3, 'completionMode': 'Indexed', 'template': {'metadata': {'labels': {'a': 'b'}}, 'spec': dict(POD, restartPolicy='Never')}})
    yield make(batch, 'CronJob', 'cronjobs', spec={'schedule': '* * * * *', 'jobTemplate': {'spec': {'template': {'spec': dict(POD, restartPolicy='OnFailure')}}}})
    yield make('autoscaling/v1', 'HorizontalPodAutoscaler', 'horizontalpodautoscalers', spec={'maxReplicas': 3, 'scaleTargetRef': {'kind': 'Deployment', 'name': 'x', 'apiVersion': 'apps/v1'}})
    yield make('autoscaling/v2', 'HorizontalPodAutoscaler', 'horizontalpodautoscalers', spec={'maxReplicas': 3, 'scaleTargetRef': {'kind': 'Deployment', 'name': 'x', 'apiVersion': 'apps/v1'}})
    yield make('autoscaling/v2', 'HorizontalPodAutoscaler', 'horizontalpodautoscalers', spec={'maxReplicas': 3, 'scaleTargetRef': {'kind': 'Deployment', 'name': 'x', 'apiVersion': 'apps/v1'}, 'behavior': {'scaleDown': {'stabilizationWindowSeconds': 60}}})
    yield make(net, 'Ingress', 'ingresses', spec={'rules': [{'host': 'a.b', 'http': {'paths': [{'path': '/', 'pathType': 'Prefix', 'backend': {'service': {'name': 's', 'port': {'number': 80}}}}]}}]})
    yield make(net, 'Ingress', 'ingresses', spec={'defaultBackend': {'service': {'name': 's', 'port': {'name': 'p'}}}, 'tls': [{'hosts': ['a']}]})
    yield make(net, 'IngressClass', 'ingressclasses', 'c', spec={'controller': 'a.b/c', 'parameters': {'kind': 'X', 'name': 'y'}})
    yield make(net, 'NetworkPolicy', 'networkpolicies', spec={'podSelector': {}, 'ingress': [{'ports': [{'port': 80}]}]})
    yield make(net, 'NetworkPolicy', 'networkpolicies', spec={'podSelector': {}, 'egress': [{}]})
    yield make('policy/v1', 'PodDisruptionBudget', 'poddisruptionbudgets', spec={'minAvailable': 1, 'selector': SELECTOR})
    yield make(rbac, 'Role', 'roles')
    yield make(rbac, 'Role', 'roles', rules=[{'verbs': ['get'], 'resources': ['pods'], 'apiGroups': ['']}])
    yield make(rbac, 'ClusterRole', 'clusterroles', 'c', rules=[{'verbs': ['get'], 'nonResourceURLs': ['/x']}])
    yield make(rbac, 'ClusterRole', 'clusterroles', 'c', aggregationRule={'clusterRoleSelectors': [{'matchLabels': {'a': 'b'}}]})
    yield make(rbac, 'RoleBinding', 'rolebindings', roleRef={'kind': 'Role', 'name': 'r'}, subjects=[{'kind': 'ServiceAccount', 'name': 's', 'namespace': 'default'}, {'kind': 'User', 'name': 'u'}])
    yield make(rbac, 'ClusterRoleBinding', 'clusterrolebindings', 'c', roleRef={'kind': 'ClusterRole', 'name': 'r'}, subjects=[{'kind': 'Group', 'name': 'g'}])
    yield make(storage, 'StorageClass', 'storageclasses', 'c', provisioner='p')
    yield make(storage, 'CSIDriver', 'csidrivers', 'c', spec={})
    yield make(storage, 'VolumeAttachment', 'volumeattachments', 'c', spec={'attacher': 'a', 'nodeName': 'n', 'source': {'persistentVolumeName': 'p'}})
    yield make('scheduling.k8s.io/v1', 'PriorityClass', 'priorityclasses', 'c', value=5)
    yield make('coordination.k8s.io/v1', 'Lease', 'leases', spec={'holderIdentity': 'h', 'renewTime': '2026-01-01T00:00:00.000000Z'})
    yield make('discovery.k8s.io/v1', 'EndpointSlice', 'endpointslices', addressType='IPv4', endpoints=[{'addresses': ['10.1.1.1']}], ports=[{'port': 80}])
    yield make('node.k8s.io/v1', 'RuntimeClass', 'runtimeclasses', 'c', handler='h')
    yield make(flow, 'FlowSchema', 'flowschemas', 'c', spec={'priorityLevelConfiguration': {'name': 'global-default'}})
    yield make(flow, 'PriorityLevelConfiguration', 'prioritylevelconfigurations', 'c', spec={'type': 'Limited', 'limited': {'limitResponse': {'type': 'Queue', 'queuing': {}}}})
    webhook = {'name': 'a.b.c', 'sideEffects': 'None', 'admissionReviewVersions': ['v1'], 'clientConfig': {'service': {'name': 's', 'namespace': 'n'}},
               'rules': [{'operations': ['CREATE'], 'apiGroups': [''], 'apiVersions': ['v1'], 'resources': ['pods']}]}
    yield make(admission, 'ValidatingWebhookConfiguration', 'validatingwebhookconfigurations', 'c', webhooks=[webhook])
    yield make(admission, 'MutatingWebhookConfiguration', 'mutatingwebhookconfigurations', 'c', webhooks=[webhook])
    yield make(admission, 'ValidatingAdmissionPolicy', 'validatingadmissionpolicies', 'c', spec={'validations': [{'expression': 'true'}], 'matchConstraints': {'resourceRules': [{'operations': ['CREATE'], 'apiGroups': [''], 'apiVersions': ['v1'], 'resources': ['pods']}]}})
    yield make(admission, 'ValidatingAdmissionPolicyBinding', 'validatingadmissionpolicybindings', 'c', spec={'policyName': 'p', 'validationActions': ['Deny'], 'matchResources': {}})
    yield make('apiextensions.k8s.io/v1', 'CustomResourceDefinition', 'customresourcedefinitions', 'c', name='as.b.c', spec={'group': 'b.c', 'scope': 'Namespaced', 'names': {'plural': 'as', 'kind': 'A'}, 'versions': [
        {'name': 'v1', 'served': True, 'storage': True, 'schema': {'openAPIV3Schema': {'type': 'object', 'properties': {'spec': {'type': 'object', 'x-kubernetes-preserve-unknown-fields': True}}}},
         'additionalPrinterColumns': [{'name': 'x', 'type': 'string', 'jsonPath': '.x'}]}]})
    yield make('apiregistration.k8s.io/v1', 'APIService', 'apiservices', 'c', name='v1.x.y', spec={'group': 'x.y', 'version': 'v1', 'groupPriorityMinimum': 100, 'versionPriority': 10, 'service': {'name': 's', 'namespace': 'n'}})

    claim = {'devices': {'requests': [{'name': 'r', 'exactly': {'deviceClassName': 'c'}}]}}
    yield make('resource.k8s.io/v1', 'ResourceClaim', 'resourceclaims', spec=claim)
    yield make('resource.k8s.io/v1', 'ResourceClaimTemplate', 'resourceclaimtemplates', spec={'spec': claim})
    yield make('resource.k8s.io/v1', 'DeviceClass', 'deviceclasses', 'c', spec={})


out, seen = [], set()
for path, body in objects():
    code, response = call('POST', path + '?dryRun=All&fieldManager=m', body)
    if code != 201:
        print(body['kind'], code, response.get('message'), file=sys.stderr)
        continue
    for key in ('uid', 'resourceVersion', 'creationTimestamp', 'generation'):
        response['metadata'].pop(key, None)
    seen.add(body['kind'])
    out.append({'body': body, 'response': response})
with open(FILE, 'w') as file:
    file.write('[\n' + ',\n'.join(json.dumps(entry, separators=(',', ':'), sort_keys=True) for entry in out) + '\n]\n')
print(len(out), 'objects of', len(seen), 'kinds')
