-- POST one body again and again; at the end print what was seen as one line of JSON.
-- Arguments: the file of the body, then names and values of headers in turn.

function init(args)
  local file = assert(io.open(args[1], "rb"))
  wrk.method = "POST"
  wrk.body = file:read("*a")
  file:close()
  for i = 2, #args, 2 do
    wrk.headers[args[i]] = args[i + 1]
  end
end

function done(summary, latency, requests)
  local counts = {}
  for i = 1, #latency do
    local microseconds, count = latency(i)
    counts[i] = string.format('"%d":%d', microseconds, count)
  end
  local e = summary.errors
  io.write(string.format(
    'BURST {"requests":%d,"seconds":%.6f,"errors":%d,"latencies":{%s}}\n',
    summary.requests, summary.duration / 1e6,
    e.connect + e.read + e.write + e.status + e.timeout, table.concat(counts, ",")))
end
