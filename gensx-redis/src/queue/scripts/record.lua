-- Records of runs: one text for each, its parts ended by line feeds. Each is read once, and written at the end.

local records, changed = {}, {}

-- nil for what gensx does not write.
local function decode(text)
    local f = {}
    for part in string.gmatch(text, '([^\n]*)\n') do
        f[#f + 1] = part
    end
    if #f < 14 or not string.find('RDPLX', f[3], 1, true) then
        return nil
    end
    local r = { workflow = f[1], priority = tonumber(f[2]), place = f[3], claims = tonumber(f[4]), wakes = tonumber(f[5]),
        urgent = tonumber(f[6]), bound = f[7], worker = f[8], number = f[9], on_message = f[10], order = tonumber(f[11]),
        since = tonumber(f[12]), gate = tonumber(f[13]), spot = tonumber(f[14]), limits = {} }
    for i = 15, #f - 2, 3 do
        r.limits[#r.limits + 1] = { id = f[i] .. '\n' .. f[i + 1], max = tonumber(f[i + 2]) }
    end
    return r
end

local function encode(r)
    local f = { r.workflow, int(r.priority), r.place, int(r.claims), int(r.wakes), int(r.urgent), r.bound, r.worker,
        r.number, r.on_message, int(r.order), int(r.since), int(r.gate), int(r.spot) }
    for _, limit in ipairs(r.limits) do
        f[#f + 1] = limit.id
        f[#f + 1] = int(limit.max)
    end
    return table.concat(f, '\n') .. '\n'
end

local function load(run)
    if records[run] == nil then
        local text = redis.call('HGET', RUNS, run)
        records[run] = text and decode(text) or false
    end
    return records[run] or nil
end
