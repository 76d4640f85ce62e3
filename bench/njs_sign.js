// SPDX-License-Identifier: Apache-2.0
// Signs for S3 within nginx, as a script for its njs module does: four headers, the payload not hashed. Each request has
// a virtual machine of its own, so the key is derived each time.
const crypto = require('crypto');

const SIGNED = 'host;x-amz-content-sha256;x-amz-date;x-amz-security-token';

function hmac(key, text, encoding) {
    return crypto.createHmac('sha256', key).update(text).digest(encoding);
}

function date() {
    return new Date().toISOString().replace(/[-:]|\.\d+/g, '');
}

function token() {
    return process.env.AWS_SESSION_TOKEN;
}

function authorization(r) {
    const at = r.variables.sign_date, day = at.substring(0, 8);
    const region = 'us-east-1', scope = `${day}/${region}/s3/aws4_request`;
    const request = [r.method, r.uri, r.variables.args || '', `host:${r.variables.sign_host}`,
        'x-amz-content-sha256:UNSIGNED-PAYLOAD', `x-amz-date:${at}`, `x-amz-security-token:${token()}`, '', SIGNED,
        'UNSIGNED-PAYLOAD'].join('\n');
    const digest = crypto.createHash('sha256').update(request).digest('hex');
    let key = 'AWS4' + process.env.AWS_SECRET_ACCESS_KEY;
    [day, region, 's3', 'aws4_request'].forEach((part) => { key = hmac(key, part); });
    const signature = hmac(key, ['AWS4-HMAC-SHA256', at, scope, digest].join('\n'), 'hex');
    return `AWS4-HMAC-SHA256 Credential=${process.env.AWS_ACCESS_KEY_ID}/${scope}, SignedHeaders=${SIGNED}, ` +
        `Signature=${signature}`;
}

export default {date, token, authorization};
