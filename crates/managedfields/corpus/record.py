#!/usr/bin/env python3
"""Records request sequences against a real kube-apiserver, as goldens of server-side apply.

usage: record.py URL TOKEN FOLDER

Each case gets a namespace of its own and at most one custom resource definition. Requests of a case come in seconds
of their own, since managed fields are sorted by time; times are written as the step they come from.
"""
import copy, json, os, random, ssl, sys, threading, time, urllib.error, urllib.request

URL, TOKEN, FOLDER = sys.argv[1:4]
ONLY = sys.argv[4:]
CONTEXT = ssl._create_unverified_context()
TYPES = {'apply': 'application/apply-patch+yaml', 'merge': 'application/merge-patch+json',
         'strategic': 'application/strategic-merge-patch+json', 'put': 'application/json', 'post': 'application/json'}


def call(method, path, body=None, content_type='application/json'):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(URL + path, data=data, method=method, headers={
        'Authorization': 'Bearer ' + TOKEN, 'Content-Type': content_type, 'Accept': 'application/json'})
    try:
        with urllib.request.urlopen(request, context=CONTEXT) as response:
            return response.status, json.loads(response.read())
    except urllib.error.HTTPError as error:
        text = error.read()
        return error.code, json.loads(text) if text.startswith(b'{') else {'message': text.decode()}


def plain(value, times, step):
    """Without what differs from run to run."""
    value = copy.deepcopy(value)
    metadata = value.get('metadata', {})
    for key in ('uid', 'resourceVersion', 'creationTimestamp', 'selfLink', 'generation'):
        metadata.pop(key, None)
    for entry in metadata.get('managedFields', []):
        if 'time' in entry:
            at = times.setdefault(entry['time'], step)
            entry['time'] = '2026-01-01T00:%02d:%02dZ' % (at // 60, at % 60)
    if value.get('kind') == 'Status':
        value.pop('metadata', None)
        value.get('details', {}).pop('uid', None)
        causes = value.get('details', {}).get('causes')
        if causes:
            causes.sort(key=lambda cause: (cause.get('message', ''), cause.get('field', '')))
    return value


def run(name, case):
    namespace = 'r-%s-%x' % (name, int(time.time()))
    call('POST', '/api/v1/namespaces', {'metadata': {'name': namespace}})
    definition = case.get('definition')
    if definition:
        call('POST', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', definition)
        version = definition['spec']['versions'][0]['name']
        probe = '/apis/%s/%s/namespaces/%s/%s' % (definition['spec']['group'], version, namespace, definition['spec']['names']['plural'])
        for _ in range(300):
            if call('GET', probe)[0] == 200:
                break
            call('POST', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', definition)
            time.sleep(0.2)
        else:
            raise SystemExit(name + ': the definition is not served')
        time.sleep(1)
    live, times, steps = None, {}, []
    for index, step in enumerate(case['steps']):
        base = step.get('path') or case['path']
        base = base % {'ns': namespace}
        kind, manager = step['do'], step.get('manager', 'm')
        body = step.get('body')
        if callable(body):
            body = body(copy.deepcopy(live)) if live else None
            if body is None:
                continue
        query = '?fieldManager=' + manager
        if step.get('force'):
            query += '&force=true'
        path = base if kind == 'post' else base + '/' + case['name']
        if step.get('subresource') and kind != 'post':
            path += '/' + step['subresource']
        method = {'post': 'POST', 'put': 'PUT'}.get(kind, 'PATCH')
        code, response = call(method, path + query, body, TYPES[kind])
        recorded = {'do': kind, 'manager': manager, 'body': plain(body, times, index), 'code': code,
                    'response': plain(response, times, index)}
        for key in ('force', 'subresource'):
            if step.get(key):
                recorded[key] = step[key]
        if 'version' in step:
            recorded['version'] = step['version']
        steps.append(recorded)
        if code < 300:
            live = response
        time.sleep(1.02 - time.time() % 1)
    out = {'why': case['why'], 'steps': steps}
    if definition:
        out['definition'] = definition
    with open(os.path.join(FOLDER, name + '.json'), 'w') as file:
        json.dump(out, file, separators=(',', ':'), sort_keys=True)
        file.write('\n')
    call('DELETE', '/api/v1/namespaces/' + namespace)
    if definition:
        call('DELETE', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions/' + definition['metadata']['name'])


def config_map(data=None, **metadata):
    body = {'apiVersion': 'v1', 'kind': 'ConfigMap', 'metadata': dict({'name': 'x'}, **metadata)}
    if data is not None:
        body['data'] = data
    return body


def deployment(spec=None, pod=None, **metadata):
    body = {'apiVersion': 'apps/v1', 'kind': 'Deployment', 'metadata': dict({'name': 'x'}, **metadata)}
    if spec is not None:
        body['spec'] = copy.deepcopy(spec)
    if pod is not None:
        body.setdefault('spec', {}).setdefault('template', {})['spec'] = pod
    return body


def custom(spec=None, version='v1', **metadata):
    body = {'apiVersion': 'smd.example.com/' + version, 'kind': 'Thing', 'metadata': dict({'name': 'x'}, **metadata)}
    if spec is not None:
        body['spec'] = spec
    return body


SPEC = {'type': 'object', 'properties': {
    'text': {'type': 'string'}, 'number': {'type': 'integer'}, 'either': {'x-kubernetes-int-or-string': True},
    'maybe': {'type': 'string', 'nullable': True}, 'preset': {'type': 'string', 'default': 'given'},
    'set': {'type': 'array', 'x-kubernetes-list-type': 'set', 'items': {'type': 'string'}},
    'numbers': {'type': 'array', 'x-kubernetes-list-type': 'set', 'items': {'type': 'integer'}},
    'plain': {'type': 'array', 'items': {'type': 'string'}},
    'atomic': {'type': 'object', 'x-kubernetes-map-type': 'atomic', 'properties': {'a': {'type': 'string'}, 'b': {'type': 'string'}}},
    'map': {'type': 'object', 'additionalProperties': {'type': 'string'}},
    'structs': {'type': 'object', 'additionalProperties': {'type': 'object', 'properties': {'a': {'type': 'string'}, 'b': {'type': 'integer'}}}},
    'inner': {'type': 'object', 'properties': {'a': {'type': 'string'}, 'b': {'type': 'string'}}},
    'free': {'type': 'object', 'x-kubernetes-preserve-unknown-fields': True},
    'items': {'type': 'array', 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['name', 'port'],
              'items': {'type': 'object', 'required': ['name'], 'properties': {
                  'name': {'type': 'string'}, 'port': {'type': 'integer', 'default': 80}, 'value': {'type': 'string'},
                  'tags': {'type': 'array', 'x-kubernetes-list-type': 'set', 'items': {'type': 'string'}}}}}}}


def definition(group, versions=('v1',), spec=SPEC, status=True):
    return {'apiVersion': 'apiextensions.k8s.io/v1', 'kind': 'CustomResourceDefinition', 'metadata': {'name': 'things.' + group},
            'spec': {'group': group, 'scope': 'Namespaced', 'names': {'plural': 'things', 'singular': 'thing', 'kind': 'Thing', 'listKind': 'ThingList'},
                     'versions': [{'name': v, 'served': True, 'storage': i == 0, 'schema': {'openAPIV3Schema': {'type': 'object', 'properties': {
                         'spec': spec, 'status': {'type': 'object', 'x-kubernetes-preserve-unknown-fields': True}}}},
                         **({'subresources': {'status': {}}} if status else {})} for i, v in enumerate(versions)]}}


def change(**changes):
    """A body made from the live object: `a__b` is the path of a field, `None` removes it."""
    def make(live):
        for path, value in changes.items():
            if path == 'apiVersion_at':
                live['apiVersion'] = live['apiVersion'].rsplit('/', 1)[0] + '/' + value
                continue
            at, keys = live, path.split('__')
            for key in keys[:-1]:
                at = at.setdefault(key, {})
            if value is None:
                at.pop(keys[-1], None)
            else:
                at[keys[-1]] = value
        return live
    return make


def step(do, body, manager='m', **more):
    return dict({'do': do, 'manager': manager, 'body': body}, **more)


POD = {'containers': [{'name': 'a', 'image': 'nginx:1'}]}
BASE = {'selector': {'matchLabels': {'app': 'x'}}, 'template': {'metadata': {'labels': {'app': 'x'}}, 'spec': POD}}
CM = '/api/v1/namespaces/%(ns)s/configmaps'
DEPLOY = '/apis/apps/v1/namespaces/%(ns)s/deployments'
SERVICE = '/api/v1/namespaces/%(ns)s/services'


def hand_written():
    last = 'kubectl.kubernetes.io/last-applied-configuration'
    cases = {}
    cases['configmap-apply'] = {'why': 'fields come, are shared, taken and given up', 'path': CM, 'name': 'x', 'steps': [
        step('apply', config_map({'a': '1', 'b': '2'}, labels={'l': '1'}), 'one'),
        step('apply', config_map({'a': '1', 'c': '3'}), 'two'),
        step('apply', config_map({'a': '2'}), 'two'),
        step('apply', config_map({'a': '2', 'b': '3'}), 'two'),
        step('apply', config_map({'a': '2', 'b': '3'}), 'two', force=True),
        step('apply', config_map({'a': '2'}), 'one'),
        step('apply', config_map({'a': '2'}), 'one'),
        step('apply', config_map({}), 'one'),
        step('apply', config_map(), 'two'),
        step('apply', config_map(), 'one'),
        step('apply', config_map({'a': None}), 'three'),
        step('apply', dict(config_map({'a': '1'}), immutable=False), 'three'),
        step('apply', config_map({'a': '1'}, finalizers=['example.com/a']), 'three'),
        step('apply', config_map({'a': '1'}, finalizers=['example.com/b']), 'four'),
        step('apply', config_map({'a': '1'}), 'three'),
    ]}
    cases['configmap-errors'] = {'why': 'what is refused', 'path': CM, 'name': 'x', 'steps': [
        step('apply', config_map({'a': 5}), 'one'),
        step('apply', dict(config_map({'a': '5'}), immutable='yes'), 'one'),
        step('apply', config_map({'a': '1', 'b': '1'}), 'one'),
        step('apply', config_map({'a': '2', 'b': '2'}), 'two'),
        step('merge', {'data': {'c': '1'}}, 'three'),
        step('apply', config_map({'a': '2', 'c': '2'}), 'two'),
        step('apply', dict(config_map({'a': '2'}), extra=1), 'two'),
    ]}
    cases['configmap-update'] = {'why': 'those who update are tracked too', 'path': CM, 'name': 'x', 'steps': [
        step('post', config_map({'a': '1', 'b': '2'}, labels={'l': '1'}, annotations={'n': '1'}), 'creator'),
        step('put', change(data__a='2'), 'editor'),
        step('put', change(data__a='2'), 'nobody'),
        step('merge', {'data': {'a': '3', 'c': '1'}}, 'creator'),
        step('merge', {'data': {'b': None}}, 'editor'),
        step('apply', config_map({'a': '3'}), 'applier'),
        step('apply', config_map({'a': '4'}), 'applier'),
        step('merge', {'data': {'a': '5'}}, 'editor'),
        step('apply', config_map({'a': '5'}), 'applier'),
        step('put', change(data=None), 'cleaner'),
        step('merge', {'metadata': {'labels': {'l': None}}}, 'cleaner'),
        step('merge', {'metadata': {'annotations': None}}, 'cleaner'),
        step('put', change(metadata__managedFields=[]), 'resetter'),
        step('merge', {'data': {'z': '1'}}, 'after'),
        step('apply', config_map({'z': '1'}), 'first'),
        step('apply', config_map({'z': '2'}), 'first'),
        step('apply', config_map({'z': '2'}), 'first', force=True),
        step('put', change(metadata__managedFields=[{}]), 'resetter'),
        step('apply', config_map({'y': '1'}), 'first'),
    ]}
    cases['configmap-many'] = {'why': 'more than ten who update', 'path': CM, 'name': 'x', 'steps':
        [step('post', config_map({'a0': '1'}), 'u0')] + [step('merge', {'data': {'a%d' % i: '1'}}, 'u%d' % i) for i in range(1, 14)]
        + [step('apply', config_map({'a1': '2'}), 'applier'), step('apply', config_map({'a1': '2'}), 'applier', force=True)]}
    cases['configmap-kubectl'] = {'why': 'client-side apply becomes server-side apply', 'path': CM, 'name': 'x', 'steps': [
        step('post', config_map({'a': '1', 'b': '1'}, annotations={last: json.dumps(config_map({'a': '1', 'b': '1'}))}), 'kubectl-client-side-apply'),
        step('apply', config_map({'a': '2', 'b': '1'}), 'kubectl'),
        step('merge', {'data': {'b': '7'}}, 'editor'),
        step('apply', config_map({'a': '3', 'b': '1'}), 'kubectl'),
        step('apply', config_map({'a': '3', 'c': '<&>'}), 'kubectl'),
        step('apply', config_map({'a': '3'}, annotations={last: 'x'}), 'kubectl', force=True),
        step('apply', config_map({'a': '3'}), 'kubectl'),
    ]}
    cases['deployment-apply'] = {'why': 'lists of structs by key, atomic parts, defaults', 'path': DEPLOY, 'name': 'x', 'steps': [
        step('apply', deployment(dict(BASE, replicas=2)), 'one'),
        step('apply', deployment(dict(BASE, replicas=3)), 'two'),
        step('apply', deployment(BASE), 'one'),
        step('apply', deployment({'replicas': 4}), 'scaler'),
        step('apply', deployment({'replicas': 5}), 'scaler'),
        step('apply', deployment(BASE, pod={'containers': [{'name': 'b', 'image': 'x:1', 'ports': [{'containerPort': 80}, {'containerPort': 80, 'protocol': 'UDP'}]}]}), 'sidecar', force=True),
        step('apply', deployment(BASE, pod={'containers': [{'name': 'b', 'image': 'x:2', 'env': [{'name': 'E', 'value': '1'}]}, {'name': 'a', 'image': 'nginx:1'}]}), 'sidecar'),
        step('apply', deployment(BASE, pod={'containers': [{'name': 'a', 'image': 'nginx:1'}], 'nodeSelector': {'a': 'b'}, 'tolerations': [{'key': 'x', 'operator': 'Exists'}]}), 'sidecar'),
        step('apply', deployment(BASE, pod={'containers': [{'name': 'a', 'image': 'nginx:2', 'resources': {'requests': {'cpu': '0.5', 'memory': '1024Mi'}}}]}), 'one'),
        step('apply', deployment(BASE, pod={'containers': [{'name': 'a', 'image': 'nginx:2', 'resources': {'requests': {'cpu': '0.5', 'memory': '1024Mi'}}}]}), 'one', force=True),
        step('apply', deployment(BASE, pod={'containers': [{'name': 'a', 'image': 'nginx:2', 'resources': {'requests': {'cpu': '500m'}}, 'command': ['a', 'b']}], 'volumes': [{'name': 'v', 'emptyDir': {}}]}), 'one', force=True),
        step('apply', deployment(BASE, pod={'containers': [{'name': 'a', 'image': 'nginx:2', 'volumeMounts': [{'name': 'v', 'mountPath': '/v'}]}], 'volumes': [{'name': 'v', 'configMap': {'name': 'c'}}]}), 'one'),
        step('apply', deployment(dict(BASE, strategy={'type': 'Recreate', 'rollingUpdate': None})), 'one'),
        step('apply', deployment({'strategy': {'type': 'Recreate'}}), 'two'),
        step('apply', deployment(dict(BASE, strategy={'type': 'RollingUpdate', 'rollingUpdate': {'maxSurge': 1, 'maxUnavailable': '10%'}})), 'one', force=True),
        step('apply', deployment(BASE, ownerReferences=[{'apiVersion': 'v1', 'kind': 'ConfigMap', 'name': 'o', 'uid': 'u1'}]), 'owner', force=True),
        step('apply', deployment(BASE, ownerReferences=[{'apiVersion': 'v1', 'kind': 'ConfigMap', 'name': 'p', 'uid': 'u2'}]), 'owner2'),
        step('apply', deployment(BASE), 'owner'),
    ]}
    cases['deployment-update'] = {'why': 'updates of every kind and the status', 'path': DEPLOY, 'name': 'x', 'steps': [
        step('post', deployment(BASE, labels={'l': '1'}), 'kubectl-create'),
        step('strategic', {'spec': {'replicas': 3, 'template': {'spec': {'containers': [{'name': 'b', 'image': 'x:1'}]}}}}, 'kubectl-patch'),
        step('strategic', {'spec': {'template': {'spec': {'$setElementOrder/containers': [{'name': 'b'}, {'name': 'a'}], 'containers': [{'name': 'a', 'env': [{'name': 'A', 'value': '1'}, {'name': 'B', 'value': '2'}]}]}}}}, 'kubectl-patch'),
        step('strategic', {'spec': {'template': {'spec': {'containers': [{'name': 'a', 'env': [{'name': 'A', '$patch': 'delete'}]}]}}}}, 'kubectl-edit'),
        step('strategic', {'spec': {'strategy': {'$retainKeys': ['type'], 'type': 'Recreate'}}}, 'kubectl-edit'),
        step('put', change(spec__replicas=7, metadata__labels__m='2'), 'editor'),
        step('merge', {'status': {'observedGeneration': 1, 'replicas': 1, 'conditions': [{'type': 'Available', 'status': 'True', 'lastUpdateTime': '2026-01-01T00:00:00Z', 'lastTransitionTime': '2026-01-01T00:00:00Z'}]}}, 'controller', subresource='status'),
        step('merge', {'status': {'replicas': 9}, 'spec': {'paused': True}}, 'confused'),
        step('merge', {'status': {'replicas': 2}, 'spec': {'paused': False}}, 'controller', subresource='status'),
        step('apply', deployment(dict(BASE, replicas=1)), 'one'),
        step('apply', deployment(dict(BASE, replicas=1)), 'one', force=True),
        step('apply', {'apiVersion': 'apps/v1', 'kind': 'Deployment', 'metadata': {'name': 'x'}, 'status': {'replicas': 5}}, 'statuser', subresource='status'),
        step('apply', {'apiVersion': 'apps/v1', 'kind': 'Deployment', 'metadata': {'name': 'x'}, 'status': {'replicas': 5}}, 'statuser', subresource='status', force=True),
        step('strategic', {'spec': {'template': {'spec': {'containers': [{'name': 'b', '$patch': 'delete'}]}}}}, 'kubectl-edit'),
        step('strategic', {'spec': {'template': {'spec': {'containers': [{'name': 'a', 'ports': [{'containerPort': 80}, {'containerPort': 80, 'protocol': 'UDP'}]}]}}}}, 'kubectl-edit'),
    ]}
    service = lambda spec, **m: {'apiVersion': 'v1', 'kind': 'Service', 'metadata': dict({'name': 'x'}, **m), 'spec': spec}
    cases['service'] = {'why': 'a list with two keys, one with a default', 'path': SERVICE, 'name': 'x', 'steps': [
        step('apply', service({'selector': {'a': 'b'}, 'ports': [{'port': 80}]}), 'one'),
        step('apply', service({'ports': [{'port': 80, 'name': 'http'}, {'port': 443, 'name': 'https'}]}), 'two'),
        step('apply', service({'ports': [{'port': 80, 'protocol': 'TCP', 'name': 'http', 'targetPort': 8080}, {'port': 443, 'name': 'https'}]}), 'two', force=True),
        step('apply', service({'selector': {'c': 'd'}, 'ports': [{'port': 53, 'protocol': 'UDP', 'name': 'dns'}, {'port': 53, 'name': 'dns-tcp'}]}), 'one'),
        step('apply', service({'selector': {'c': 'd'}}), 'one', force=True),
        step('strategic', {'spec': {'ports': [{'port': 443, 'name': 'tls'}]}}, 'patcher'),
        step('put', change(spec__sessionAffinity='ClientIP'), 'editor'),
        step('apply', service({'selector': {'c': 'd'}, 'sessionAffinity': 'None'}), 'one', force=True),
        step('apply', service({'type': 'NodePort', 'ports': [{'port': 443, 'name': 'tls', 'nodePort': 30555}]}), 'three', force=True),
    ]}
    cases['clusterrole'] = {'why': 'a struct without status, atomic rules', 'path': '/apis/rbac.authorization.k8s.io/v1/namespaces/%(ns)s/roles', 'name': 'x', 'steps': [
        step('post', {'apiVersion': 'rbac.authorization.k8s.io/v1', 'kind': 'Role', 'metadata': {'name': 'x'}}, 'creator'),
        step('apply', {'apiVersion': 'rbac.authorization.k8s.io/v1', 'kind': 'Role', 'metadata': {'name': 'x'}, 'rules': [{'apiGroups': [''], 'resources': ['pods'], 'verbs': ['get']}]}, 'one'),
        step('apply', {'apiVersion': 'rbac.authorization.k8s.io/v1', 'kind': 'Role', 'metadata': {'name': 'x'}, 'rules': [{'apiGroups': [''], 'resources': ['pods'], 'verbs': ['list']}]}, 'two'),
        step('apply', {'apiVersion': 'rbac.authorization.k8s.io/v1', 'kind': 'Role', 'metadata': {'name': 'x'}}, 'one'),
    ]}
    cases['custom'] = {'why': 'sets, maps, atomic parts and free-form values of a custom kind', 'group': 1, 'steps': [
        step('apply', custom({'text': 'a', 'set': ['a', 'b'], 'items': [{'name': 'a', 'value': '1'}], 'map': {'k': 'v'}}), 'one'),
        step('apply', custom({'set': ['c', 'b'], 'items': [{'name': 'b', 'port': 81, 'tags': ['x']}, {'name': 'a', 'tags': ['t']}]}), 'two'),
        step('apply', custom({'set': ['b']}), 'one'),
        step('apply', custom({'numbers': [1, 2, 10], 'either': 5, 'maybe': None}), 'three'),
        step('apply', custom({'numbers': [10, 3], 'either': '5', 'maybe': 'x'}), 'three'),
        step('apply', custom({'atomic': {'a': '1'}, 'plain': ['a']}), 'three'),
        step('apply', custom({'atomic': {'b': '1'}, 'plain': ['a', 'b']}), 'four'),
        step('apply', custom({'atomic': {'b': '1'}, 'plain': ['a', 'b']}), 'four', force=True),
        step('apply', custom({'structs': {'a': {'a': '1'}, 'b': {}}, 'inner': {}, 'free': {'x': {'y': [1, {'z': 2}], 'w': {}}, 'n': None}}), 'five'),
        step('apply', custom({'structs': {'a': {'b': 2}}, 'inner': {'a': '1'}, 'free': {'x': {'y': [2]}}}), 'six'),
        step('apply', custom({'structs': {'a': {'b': 2}}, 'inner': {'a': '1'}, 'free': {'x': {'y': [2], 'v': 1.5}}}), 'six', force=True),
        step('apply', custom({'structs': {}}), 'five'),
        step('apply', custom({}), 'six'),
        step('apply', custom({'set': ['b', 'b']}), 'seven'),
        step('apply', custom({'items': [{'value': '1'}]}), 'seven'),
        step('apply', custom({'items': [{'name': 'z'}, {'name': 'z', 'port': 80}]}), 'seven'),
        step('apply', custom({'unknown': 1}), 'seven'),
        step('merge', {'spec': {'set': ['a', 'd', 'e'], 'preset': 'other'}}, 'patcher'),
        step('merge', {'spec': {'set': ['e', 'e', 'd']}}, 'patcher'),
        step('put', change(spec__map={'k': 'w', 'l': 'x'}, spec__items=[{'name': 'q'}]), 'editor'),
        step('apply', custom({'preset': 'given'}), 'one'),
        step('apply', custom({'preset': 'given'}), 'one', force=True),
        step('apply', custom(), 'one'),
    ]}
    cases['custom-status'] = {'why': 'a status of its own', 'group': 2, 'steps': [
        step('apply', dict(custom({'text': 'a'}), status={'x': 1}), 'one'),
        step('apply', dict(custom(), status={'x': 1, 'list': [1]}), 'ctl', subresource='status'),
        step('apply', dict(custom({'text': 'b'}), status={'x': 2}), 'ctl', subresource='status'),
        step('merge', {'status': {'x': 3}, 'spec': {'text': 'z'}}, 'other', subresource='status'),
        step('merge', {'status': {'x': 4}, 'spec': {'text': 'z'}}, 'other'),
        step('apply', dict(custom(), status={'x': 2}), 'ctl', subresource='status'),
        step('apply', custom({'text': 'z'}, labels={'a': 'b'}), 'one', force=True),
    ]}
    cases['custom-versions'] = {'why': 'fields owned in one version, applied in another', 'group': 3, 'versions': ['v1', 'v2'], 'steps': [
        step('apply', custom({'text': 'a', 'set': ['a'], 'map': {'a': '1'}}), 'one'),
        step('apply', custom({'text': 'b', 'set': ['b']}, 'v2'), 'two', at='v2'),
        step('apply', custom({'set': ['b']}, 'v2'), 'two', at='v2'),
        step('apply', custom({'text': 'a', 'set': ['c']}, 'v2'), 'one', at='v2'),
        step('merge', {'spec': {'text': 'q'}}, 'patcher', at='v2'),
        step('merge', {'spec': {'number': 1}}, 'patcher'),
        step('apply', custom({'text': 'q'}), 'one'),
        step('apply', custom({'map': {'b': '2'}}), 'two'),
    ]}
    return cases


def random_spec(rng):
    spec, names = {}, ['a', 'b', 'c', 'd']
    pick = lambda: rng.choice(names)
    makers = {
        'text': lambda: pick(), 'number': lambda: rng.randint(0, 2), 'maybe': lambda: rng.choice([None, 'a', 'b']),
        'set': lambda: rng.sample(names, rng.randint(0, 3)), 'numbers': lambda: rng.sample([1, 2, 3, 10], rng.randint(0, 3)),
        'plain': lambda: rng.sample(names, rng.randint(0, 2)), 'atomic': lambda: {pick2: pick() for pick2 in rng.sample(['a', 'b'], rng.randint(0, 2))},
        'map': lambda: {pick(): pick() for _ in range(rng.randint(0, 3))},
        'structs': lambda: {pick(): ({'a': pick()} if rng.random() < 0.7 else {}) for _ in range(rng.randint(0, 2))},
        'inner': lambda: rng.choice([{}, {'a': pick()}, {'b': pick()}]),
        'free': lambda: rng.choice([{}, {'x': pick()}, {'x': {'y': pick()}}, {'x': [pick()]}, {'z': {'w': {}}}]),
        'items': lambda: [dict({'name': n}, **({'port': 81} if rng.random() < 0.3 else {}), **({'value': pick()} if rng.random() < 0.6 else {}),
                               **({'tags': rng.sample(names, rng.randint(0, 2))} if rng.random() < 0.4 else {})) for n in rng.sample(names, rng.randint(0, 3))],
    }
    for key in rng.sample(sorted(makers), rng.randint(0, 6)):
        spec[key] = makers[key]()
    return spec


def random_pod(rng):
    def container(name):
        c = {'name': name, 'image': 'i:%d' % rng.randint(1, 2)}
        if rng.random() < 0.5:
            c['env'] = [{'name': n, 'value': str(rng.randint(0, 1))} for n in rng.sample(['A', 'B', 'C'], rng.randint(1, 2))]
        if rng.random() < 0.4:
            c['ports'] = [{'containerPort': p} for p in rng.sample([80, 443, 8080], rng.randint(1, 2))]
        if rng.random() < 0.3:
            c['args'] = rng.sample(['x', 'y'], 1)
        if rng.random() < 0.3:
            c['resources'] = {'limits': {'cpu': rng.choice(['1', '500m', '2']), 'memory': rng.choice(['1Gi', '64Mi'])}}
        return c
    return {'containers': [container(n) for n in rng.sample(['a', 'b', 'c'], rng.randint(1, 2))]}


def random_service(rng):
    ports = [dict({'port': p, 'name': 'p%d%s' % (p, q.lower())}, **({'protocol': q} if q != 'TCP' or rng.random() < 0.5 else {}))
             for p, q in rng.sample([(80, 'TCP'), (80, 'UDP'), (443, 'TCP'), (53, 'UDP')], rng.randint(1, 3))]
    spec = {'ports': ports}
    if rng.random() < 0.4:
        spec['selector'] = {rng.choice('ab'): rng.choice('xy')}
    if rng.random() < 0.2:
        spec['externalIPs'] = rng.sample(['1.2.3.4', '1.2.3.5'], 1)
    return spec


def random_cases(first=0, count=1):
    """The committed cases, or with FIRST and COUNT in the environment many more that are not kept."""
    cases = {}
    for seed in range(first, first + 8 * count):
        rng, steps = random.Random(seed), []
        for _ in range(30):
            manager, roll = rng.choice(['one', 'two', 'three']), rng.random()
            if roll < 0.7 or not steps:
                steps.append(step('apply', custom(random_spec(rng)), manager, force=rng.random() < 0.6))
            elif roll < 0.85:
                steps.append(step('merge', {'spec': random_spec(rng)}, 'patcher'))
            else:
                steps.append(step('put', change(spec=random_spec(rng)), 'editor'))
        cases['random-custom-%d' % seed] = {'why': 'random requests', 'group': 10 + seed, 'steps': steps}
    for seed in range(first, first + 4 * count):
        rng, steps = random.Random(100 + seed), []
        for _ in range(20):
            manager, roll = rng.choice(['one', 'two', 'three']), rng.random()
            spec = dict(BASE, **({'replicas': rng.randint(0, 2)} if rng.random() < 0.4 else {}))
            if roll < 0.7 or not steps:
                labels = {'labels': {rng.choice('abc'): rng.choice('xy')}} if rng.random() < 0.3 else {}
                steps.append(step('apply', deployment(spec, pod=random_pod(rng), **labels), manager, force=rng.random() < 0.7))
            elif roll < 0.85:
                steps.append(step('strategic', {'spec': {'template': {'spec': random_pod(rng)}}}, 'patcher'))
            else:
                steps.append(step('put', change(spec__template__spec=random_pod(rng)), 'editor'))
        cases['random-deployment-%d' % seed] = {'why': 'random requests', 'path': DEPLOY, 'name': 'x', 'steps': steps}
    for seed in range(first, first + 2 * count):
        rng, steps = random.Random(200 + seed), []
        for _ in range(20):
            manager, roll = rng.choice(['one', 'two', 'three']), rng.random()
            body = {'apiVersion': 'v1', 'kind': 'Service', 'metadata': {'name': 'x'}, 'spec': random_service(rng)}
            if roll < 0.7 or not steps:
                steps.append(step('apply', body, manager, force=rng.random() < 0.7))
            elif roll < 0.85:
                steps.append(step('strategic', {'spec': random_service(rng)}, 'patcher'))
            else:
                steps.append(step('put', change(spec__ports=random_service(rng).get('ports')), 'editor'))
        cases['random-service-%d' % seed] = {'why': 'random requests', 'path': SERVICE, 'name': 'x', 'steps': steps}
    for seed in range(first, first + 3 * count):
        rng, steps = random.Random(300 + seed), []
        for _ in range(30):
            manager, roll, at = rng.choice(['one', 'two', 'three']), rng.random(), rng.choice(['v1', 'v1', 'v2'])
            spec, status = random_spec(rng), {'status': rng.choice([{}, {'a': 1}, {'a': {'b': rng.choice('xy')}}, {'l': [1]}])}
            if roll < 0.55 or not steps:
                steps.append(step('apply', custom(spec, at), manager, force=rng.random() < 0.6, at=at))
            elif roll < 0.7:
                steps.append(step('apply', dict(custom(None, at), **status), manager, force=rng.random() < 0.6, at=at, subresource='status'))
            elif roll < 0.8:
                steps.append(step('merge', status, 'patcher', at=at, subresource='status'))
            elif roll < 0.9:
                steps.append(step('merge', {'spec': spec}, 'patcher', at=at))
            else:
                steps.append(step('put', change(spec=spec, apiVersion_at=at), 'editor', at=at))
        cases['random-versions-%d' % seed] = {'why': 'random requests in two versions and to the status', 'group': 1000 + seed, 'versions': ['v1', 'v2'], 'steps': steps}
    return cases


def main():
    first = os.environ.get('FIRST')
    cases = random_cases(int(first), int(os.environ['COUNT'])) if first else dict(hand_written(), **random_cases())
    threads = []
    for name, case in cases.items():
        if ONLY and name not in ONLY:
            continue
        if 'group' in case:
            group = 'g%s%d.smd.example.com' % (os.environ.get('RUN', ''), case['group'])
            versions = case.get('versions', ['v1'])
            case['definition'] = definition(group, versions)
            case['name'] = 'x'
            case['path'] = '/apis/%s/v1/namespaces/%%(ns)s/things' % group
            for item in case['steps']:
                body = item['body']
                at = item.get('at', 'v1')
                item['path'] = '/apis/%s/%s/namespaces/%%(ns)s/things' % (group, at)
                item['version'] = at
                if isinstance(body, dict) and 'apiVersion' in body:
                    body['apiVersion'] = group + '/' + body['apiVersion'].rsplit('/', 1)[1]
        thread = threading.Thread(target=run, args=(name, case))
        thread.start()
        threads.append(thread)
    for thread in threads:
        thread.join()


main()
