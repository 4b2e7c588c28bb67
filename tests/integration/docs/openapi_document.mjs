// SPDX-License-Identifier: MIT
// openapi_document.mjs - www/openapi.yaml, read so that a test can hold answers and routes against it.

import { readFileSync } from 'node:fs';
import path from 'node:path';

import Ajv from 'ajv/dist/2020.js';
import YAML from 'yaml';

import { top } from '../../harness/folder.mjs';

const METHODS = ['get', 'put', 'post', 'delete'];
const file = path.join(top, 'www/openapi.yaml');

export const source = YAML.parse(readFileSync(file, 'utf8'));

const escape = (name) => name.replaceAll('~', '~0').replaceAll('/', '~1');
const pointer = (...names) => `#/${names.map(escape).join('/')}`;

// Clients must bear a new field in an answer, but a test must not: closes every object that does not
// say otherwise. What ends in Fields is a part of others.
function close(node, name = '') {
  if (Array.isArray(node)) return node.map((item) => close(item));
  if (node === null || typeof node !== 'object') return node;
  const copy = Object.fromEntries(Object.entries(node).map(([key, value]) => [key, close(value, key)]));
  const isOpen = name.endsWith('Fields') || 'additionalProperties' in copy || 'unevaluatedProperties' in copy;
  if (copy.type === 'object' && copy.properties && !isOpen) copy.additionalProperties = false;
  return copy;
}

// A reference, followed to what it names, with what is beside it; and where that is.
function follow(node, at) {
  if (!node.$ref) return { node, at };
  const names = node.$ref.slice(2).split('/');
  return { node: names.reduce((inner, name) => inner[name], source), at: names };
}

const ajv = new Ajv({ strict: true, strictTypes: false, strictRequired: false, allErrors: true, formats: { int64: true } });
ajv.addVocabulary(Object.keys(source)); // not of a schema, but of what they are all in
ajv.addSchema({ $id: 'openapi', ...close(source) }, 'openapi', false, false);

function validate(at, value) {
  const check = ajv.getSchema(`openapi${pointer(...at)}`);
  if (check(value)) return;
  const faults = check.errors.map(({ instancePath, message, params }) => `${instancePath || '/'} ${message} ${JSON.stringify(params)}`);
  throw new Error(`${JSON.stringify(value)?.slice(0, 500)} is not as ${at.join(' ')} says:\n${faults.join('\n')}`);
}

function readResponses(operation, at) {
  const responses = {};
  for (const [status, response] of Object.entries(operation.responses)) {
    const found = follow(response, [...at, 'responses', status]);
    const headers = Object.entries(found.node.headers ?? {}).map(([name, header]) => {
      const { at: headerAt } = follow(header, [...found.at, 'headers', name]);
      return { name: name.toLowerCase(), at: [...headerAt, 'schema'] };
    });
    responses[status] = { at: found.at, media: Object.keys(found.node.content ?? {})[0], headers, examples: found.node.content?.['application/json']?.examples };
  }
  return responses;
}

function readOperation(route, method) {
  const item = source.paths[route];
  const operation = item[method];
  const at = ['paths', route, method];
  const parameters = [...(item.parameters ?? []), ...(operation.parameters ?? [])].map((parameter) => follow(parameter).node);
  return {
    ...operation,
    id: operation.operationId,
    method: method.toUpperCase(),
    route,
    at,
    parameters,
    responses: readResponses(operation, at),
    media: Object.keys(operation.requestBody?.content ?? {}),
    schemes: [...new Set(operation.security.flatMap((one) => Object.keys(one)))],
    purposes: operation.security.flatMap((one) => one.service ?? []), // a service key needs one of them
  };
}

export const operations = Object.keys(source.paths).flatMap((route) =>
  METHODS.filter((method) => source.paths[route][method]).map((method) => readOperation(route, method)));

export const operation = (id) => operations.find((one) => one.id === id);

// What the schema of a body of this type says of `value`: throws unless it is right.
export function checkBody(op, media, value) {
  validate([...op.at, 'requestBody', 'content', media, 'schema'], value);
}

// Throws unless the answer is one that the document foretells.
export function checkAnswer(op, answer) {
  const response = op.responses[answer.status];
  if (!response) throw new Error(`${op.method} ${op.route} answers ${answer.status}, which is not documented: ${answer.text}`);
  for (const { name, at } of response.headers) {
    const value = answer.headers[name];
    validate(at, /^\d+$/.test(value) ? Number(value) : value);
  }
  if (!response.media) {
    if (answer.text !== '') throw new Error(`${op.id} has a body with ${answer.status}`);
    return;
  }
  const type = answer.headers['content-type'];
  if (!type.startsWith(`${response.media};`)) throw new Error(`${op.id} answers ${answer.status} as ${type}`);
  validate([...response.at, 'content', response.media, 'schema'], response.media === 'application/json' ? answer.json : answer.text);
}

// The examples in the document: [{op, what, check()}].
export const examples = operations.flatMap((op) => [
  ...op.media.flatMap((media) => Object.entries(op.requestBody.content[media].examples ?? {}).map(([name, { value }]) => (
    { what: `${op.id} ${media} ${name}`, check: () => checkBody(op, media, value) }))),
  ...Object.entries(op.responses).flatMap(([status, { at, examples: found }]) => Object.entries(found ?? {}).map(([name, { value }]) => (
    { what: `${op.id} ${status} ${name}`, check: () => validate([...at, 'content', 'application/json', 'schema'], value) }))),
]);

// The schema of a JSON body's field, or of a field of one of its parts, with references followed.
export function fieldsOf(op) {
  const flatten = (schema) => {
    const { node } = follow(schema, []);
    return Object.assign({}, ...(node.allOf ?? []).map(flatten), node.properties);
  };
  const fields = flatten(op.requestBody.content['application/json'].schema);
  return Object.fromEntries(Object.entries(fields).map(([name, schema]) => [name, { ...follow(schema, []).node }]));
}
