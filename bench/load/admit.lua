-- wrk: POSTs the body in $BODY_FILE with a random key of $KEYS_FILE; prints one JSON line.
local keys, body = {}, nil
function init(args)
  math.randomseed(os.time())
  for line in io.lines(os.getenv("KEYS_FILE")) do keys[#keys + 1] = "Bearer " .. line end
  body = io.open(os.getenv("BODY_FILE")):read("a")
end
function request()
  return wrk.format("POST", nil,
    { ["Content-Type"] = "application/json", ["Authorization"] = keys[math.random(#keys)] }, body)
end
function done(summary, latency, requests)
  io.write(string.format(
    '{"requests":%d,"rps":%.1f,"p50_ms":%.2f,"p99_ms":%.2f,"refused":%d,"errors":%d}\n',
    summary.requests, summary.requests / (summary.duration / 1e6), latency:percentile(50) / 1000,
    latency:percentile(99) / 1000, summary.errors.status,
    summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout))
end
