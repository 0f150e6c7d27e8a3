-- The fault matrix: what the caller gets (kind, outcome), how often the server was asked and how
-- long it took, for everything that a server, a proxy or the way to them can do wrong. The rows
-- stand in the other files of this folder, by topic; spec/support/matrix.lua plays them.
local fault = require "spec.support.fault"
local matrix = require "spec.support.matrix"
local support = require "spec.support"

local TOPICS = { "connecting", "tls", "dying", "heads", "lengths", "packing", "stalls", "statuses",
  "proxies", "http2" }
local AT_A_TIME = 24 -- most rows wait, few work

for _, topic in ipairs(TOPICS) do
  describe("faults, " .. topic, function()
    local rows = require("spec.faults." .. topic)
    local together, alone = {}, {}
    for _, row in ipairs(rows) do
      local list = row.alone and alone or together
      list[#list + 1] = row
    end
    local server, verdict

    setup(function()
      support.certificates()
      server = fault.start()
      local clock = matrix.watch_clock()
      verdict = fault.together(together, function(row, index)
        matrix.play(row, server, "row " .. index)
      end, AT_A_TIME)
      clock:cancel()
    end)
    teardown(function()
      server:close()
    end)

    for index, row in ipairs(together) do
      it(row.name, function()
        verdict(index)
      end)
    end
    for index, row in ipairs(alone) do
      it(row.name, function()
        matrix.play(row, server, "alone " .. index)
      end)
    end
  end)
end
