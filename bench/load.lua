-- SPDX-License-Identifier: Apache-2.0
-- One request, told by the environment: METHOD, BODY (octets), CLOSE (one request a connection), TARGETS (request
-- targets, one a line; several are sent in turn). Prints one line of JSON at the end.
local targets = {}
for target in os.getenv("TARGETS"):gmatch("%S+") do
    targets[#targets + 1] = target
end
wrk.method = os.getenv("METHOD")
local octets = tonumber(os.getenv("BODY"))
if octets > 0 then
    wrk.body = string.rep("x", octets)
end
wrk.headers["Host"] = targets[1]:match("^http://([^/]+)") or "standin.test"
wrk.headers["User-Agent"] = "legacy-tool/4.2"
wrk.headers["Accept"] = "*/*"
if wrk.method == "POST" then
    wrk.headers["Content-Type"] = "application/x-amz-json-1.0"
    wrk.headers["X-Amz-Target"] = "DynamoDB_20120810.PutItem"
end
if os.getenv("CLOSE") == "yes" then
    wrk.headers["Connection"] = "close"
end

-- Without a request() of ours wrk formats its request once, and sends that without asking Lua again.
local requests, sent = {}, 0
function init()
    wrk.path = targets[1]
    if #targets > 1 then
        for n, target in ipairs(targets) do
            wrk.headers["Host"] = target:match("^http://([^/]+)")
            requests[n] = wrk.format(nil, target)
        end
    end
end
if #targets > 1 then
    function request()
        sent = sent + 1
        return requests[(sent - 1) % #requests + 1]
    end
end

function done(summary, latency)
    local e = summary.errors
    print(string.format('JSON {"requests": %d, "seconds": %.6f, "errors": %d, "p50": %d, "p99": %d}', summary.requests,
        summary.duration / 1e6, e.connect + e.read + e.write + e.status + e.timeout, latency:percentile(50),
        latency:percentile(99)))
end
