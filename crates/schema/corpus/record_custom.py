#!/usr/bin/env python3
"""Records what a real kube-apiserver says about objects of a custom kind, as goldens of pruning, defaulting and validation.

usage: record_custom.py URL TOKEN FILE
"""
import json, ssl, sys, time, urllib.error, urllib.request

URL, TOKEN, FILE = sys.argv[1:4]
CONTEXT = ssl._create_unverified_context()


def call(method, path, body=None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(URL + path, data=data, method=method, headers={
        'Authorization': 'Bearer ' + TOKEN, 'Content-Type': 'application/json', 'Accept': 'application/json'})
    try:
        with urllib.request.urlopen(request, context=CONTEXT) as response:
            return response.status, json.loads(response.read()), response.headers.get_all('Warning') or []
    except urllib.error.HTTPError as error:
        text = error.read()
        return error.code, json.loads(text) if text.startswith(b'{') else {'message': text.decode()}, []


S = lambda **k: dict({'type': 'string'}, **k)
I = lambda **k: dict({'type': 'integer'}, **k)
O = lambda p, **k: dict({'type': 'object', 'properties': p}, **k)
L = lambda items, **k: dict({'type': 'array', 'items': items}, **k)
SPEC = O({
    'text': S(minLength=2, maxLength=4, pattern='^[a-z]+$'), 'choice': S(enum=['A', 'B']), 'amount': I(enum=[1, 2]),
    'number': I(minimum=1, maximum=10, multipleOf=2), 'open': {'type': 'number', 'minimum': 0, 'exclusiveMinimum': True, 'maximum': 1.5, 'exclusiveMaximum': True},
    'flag': {'type': 'boolean'}, 'small': I(format='int32'), 'big': I(format='int64'), 'float': {'type': 'number', 'format': 'double'},
    'date': S(format='date'), 'when': S(format='date-time'), 'mail': S(format='email'), 'host': S(format='hostname'), 'v4': S(format='ipv4'),
    'uuid': S(format='uuid'), 'uri': S(format='uri'), 'bytes': S(format='byte'), 'period': S(format='duration'), 'other': S(format='whatever'),
    'list': L(I(), minItems=1, maxItems=2), 'objects': L(O({'name': S(default='anon'), 'deep': O({'x': I()}, required=['x'])}, required=['name'])),
    'unique': L(S(), **{'x-kubernetes-list-type': 'set'}),
    'keyed': L(O({'k': S(), 'v': I(default=1)}, required=['k']), **{'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['k']}),
    'map': {'type': 'object', 'additionalProperties': I(maximum=3), 'maxProperties': 2, 'minProperties': 1},
    'either': {'x-kubernetes-int-or-string': True}, 'both': {'x-kubernetes-int-or-string': True, 'anyOf': [{'type': 'integer'}, {'type': 'string'}], 'pattern': '^[0-9]+%?$'},
    'null': S(nullable=True), 'preset': O({'a': S(default='x'), 'b': I()}, default={}), 'needed': O({'m': S()}, required=['m']),
    'one': O({'a': S(), 'b': S()}, oneOf=[{'required': ['a']}, {'required': ['b']}]),
    'any': O({'a': S(), 'b': S()}, anyOf=[{'required': ['a']}, {'required': ['b']}]),
    'all': O({'a': S(), 'b': S()}, allOf=[{'required': ['a']}, {'required': ['b']}]),
    'never': O({'a': S(), 'b': S()}, **{'not': {'required': ['a']}}),
    'free': {'type': 'object', 'x-kubernetes-preserve-unknown-fields': True, 'properties': {'known': O({'n': I()})}},
    'pod': {'type': 'object', 'x-kubernetes-embedded-resource': True, 'x-kubernetes-preserve-unknown-fields': True},
})
GROUP = 'check%d.smd.example.com' % int(time.time())
DEFINITION = {'apiVersion': 'apiextensions.k8s.io/v1', 'kind': 'CustomResourceDefinition', 'metadata': {'name': 'things.' + GROUP}, 'spec': {
    'group': GROUP, 'scope': 'Namespaced', 'names': {'plural': 'things', 'singular': 'thing', 'kind': 'Thing', 'listKind': 'ThingList'},
    'versions': [{'name': 'v1', 'served': True, 'storage': True, 'schema': {'openAPIV3Schema': O({'spec': SPEC}, required=['spec'])}}]}}
SPECS = [
    {}, {'text': 'a'}, {'text': 'abcde'}, {'text': 'A1'}, {'text': 5}, {'text': True}, {'text': ['a']}, {'text': {'a': 1}}, {'text': None},
    {'choice': 'C'}, {'choice': 1}, {'amount': 3}, {'amount': 2}, {'number': 0}, {'number': 11}, {'number': 3}, {'number': 'x'}, {'number': 2.5}, {'number': 4.0},
    {'open': 0}, {'open': 1.5}, {'open': 1}, {'open': 'x'}, {'flag': 'true'}, {'flag': 1}, {'small': 3000000000}, {'small': 'x'}, {'small': True}, {'big': 1.5}, {'float': 1}, {'float': 'x'},
    {'date': '2024-13-01'}, {'when': 'yesterday'}, {'when': '2024-01-01T00:00:00Z'}, {'mail': 'x'}, {'mail': 'a@b.c'}, {'host': '-x'}, {'v4': '1.2.3'}, {'uuid': 'x'},
    {'uri': 'x'}, {'uri': '/x'}, {'bytes': '***'}, {'period': '5x'}, {'period': '1h5m'}, {'other': 'x'}, {'date': 5},
    {'list': []}, {'list': [1, 2, 3]}, {'list': [1, 'x']}, {'list': 'x'}, {'list': [None]}, {'list': None},
    {'objects': [{}]}, {'objects': [{'name': None}]}, {'objects': [{'deep': {}}]}, {'objects': [{'deep': None}]}, {'objects': [5]}, {'objects': [{'zzz': 1, 'deep': {'x': 1, 'y': 2}}]},
    {'unique': ['a', 'b', 'a']}, {'keyed': [{'k': 'a'}, {'k': 'a'}]}, {'keyed': [{'v': 2}]}, {'keyed': [{'k': 'a'}]},
    {'map': {}}, {'map': {'a': 1, 'b': 2, 'c': 3}}, {'map': {'a': 9}}, {'map': {'a': 'x'}}, {'map': {'a': None}},
    {'either': True}, {'either': 1}, {'either': 'x'}, {'either': 1.5}, {'both': 'x'}, {'both': '5%'}, {'both': 7},
    {'null': None}, {'null': 5}, {'preset': {'b': 1}}, {'preset': {'b': 'x'}}, {'preset': None}, {'needed': {}}, {'needed': {'m': None}},
    {'one': {}}, {'one': {'a': '1'}}, {'one': {'a': '1', 'b': '1'}}, {'any': {}}, {'any': {'b': '1'}}, {'all': {}}, {'all': {'a': '1'}}, {'never': {'a': '1'}}, {'never': {'b': '1'}},
    {'free': {'x': {'y': 1}, 'known': {'n': 1, 'o': 2}}}, {'free': {'known': {'n': 'x'}}}, {'pod': {'apiVersion': 'v1', 'kind': 'Pod', 'metadata': {'name': 'p', 'zzz': 1}, 'spec': {'a': 1}}},
    {'zzz': 1, 'yyy': {'a': 1}}, {'text': 1, 'flag': 1, 'number': 'x'},
]
call('POST', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', DEFINITION)
path = '/apis/%s/v1/namespaces/default/things' % GROUP
while call('GET', path)[0] != 200:
    time.sleep(0.2)
time.sleep(1)
cases = []
for spec in SPECS:
    code, response, warnings = call('POST', path + '?dryRun=All', {'apiVersion': GROUP + '/v1', 'kind': 'Thing', 'metadata': {'name': 'x'}, 'spec': spec})
    case = {'spec': spec, 'unknown': [w.split('\\"')[1] for w in warnings if 'unknown field' in w]}
    if code == 201:
        case['stored'] = response.get('spec')
    else:
        causes = response.get('details', {}).get('causes', [])
        case['causes'] = sorted(([c.get('reason'), c.get('field'), c.get('message')] for c in causes), key=str) or [[str(code), '', response.get('message')]]
    cases.append(case)
call('DELETE', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions/things.' + GROUP)
with open(FILE, 'w') as file:
    head = json.dumps(DEFINITION['spec']['versions'][0]['schema']['openAPIV3Schema'], separators=(',', ':'), sort_keys=True)
    file.write('{"schema":' + head + ',\n"cases":[\n' + ',\n'.join(json.dumps(c, separators=(',', ':'), sort_keys=True) for c in cases) + '\n]}\n')
print(len(cases), 'objects')
