-- Runs every test and adds up truthfully what the runners say.
--
-- usage: lua5.4 spec/support/suite.lua BUILD [FILE...]
--
-- Each runner is a process with a time limit and writes TAP, which is kept in BUILD/results and
-- counted here: the C units (cmocka), the fuzz corpus replays, the specs (busted, one process a
-- file). A runner that crashes, runs into its limit or leaves results out counts as a failure;
-- so does a skipped test, unless its reason is that ../shared is absent. The last line is
-- "N passed, N failed"; BUILD/results/summary holds it as well.
local run = require "spec.support.run"

-- A run under valgrind says so, and how many times slower it is.
local WRAPPER = os.getenv("VALGRIND") and os.getenv("VALGRIND") .. " " or ""
local LIMIT = (tonumber(os.getenv("LIMIT")) or 300) * (tonumber(os.getenv("SPEC_SLOW")) or 1) // 1
-- LIMIT: seconds for one runner.
local AT_A_TIME = tonumber(os.getenv("JOBS")) or 3 -- most wait more than they work
-- What takes longest begins first, so that nothing is left to wait for at the end.
local LONG = {
  ["spec/faults/matrix_spec.lua"] = true, ["spec/oom_spec.lua"] = true,
  ["spec/lua/sandbox/data_spec.lua"] = true, ["spec/lua/body_spec.lua"] = true,
  ["spec/lua/cli_spec.lua"] = true, ["spec/faults/peers_spec.lua"] = true,
}
local BUSTED = WRAPPER .. "lua5.4 /usr/bin/busted --ignore-lua -o TAP"
  .. " --lpath './lua/?.lua;./lua/?/init.lua;./?.lua' --cpath ''"

local build = assert(arg[1], "usage: suite.lua BUILD [FILE...]")
-- Absolute, since tests run commands in other folders.
local root = run.first_line("pwd")
local results = run.first_line("realpath -m "
  .. run.quote(build .. (WRAPPER == "" and "/results" or "/valgrind")))
-- Commands keep tokens in the user's cache folder: not in that of whoever runs the tests.
BUSTED = "XDG_CACHE_HOME=" .. run.quote(results .. "/cache") .. " " .. BUSTED

local function lines_of(command)
  local list = {}
  local pipe <close> = assert(io.popen(command))
  for line in pipe:lines() do
    list[#list + 1] = line
  end
  return list
end

--- What there is to run: { name=, command= } each.
local function find_runners()
  local runners = {}
  local function add(name, command)
    runners[#runners + 1] = { name = name, command = command }
  end
  for _, path in ipairs(lines_of("ls spec/core/test_*.c 2>/dev/null")) do
    local name = path:gsub("%.c$", "")
    add(path, WRAPPER .. run.quote(build .. "/" .. name))
  end
  for _, path in ipairs(lines_of("ls spec/fuzz/fuzz_*.c 2>/dev/null")) do
    local name = path:gsub("%.c$", "")
    local corpus = "spec/fuzz/corpus/" .. name:match("fuzz_(.*)$")
    add(path, WRAPPER .. run.quote(build .. "/" .. name) .. " " .. corpus)
  end
  for _, path in ipairs(lines_of("find spec -name '*_spec.lua' | LC_ALL=C sort")) do
    local chunk, message = loadfile(path)
    if chunk then
      add(path, BUSTED .. " " .. run.quote(path))
    else -- busted's TAP trips over this
      add(path, "printf 'not ok 1 - %s\n1..1\n' " .. run.quote(message))
    end
  end
  return runners
end

--- Adds up one runner's TAP.
local function count(text, code)
  local passed, failed, planned, notes = 0, 0, nil, {}
  for line in (text .. "\n"):gmatch("(.-)\n") do
    local bad, rest = line:match("^(n?o?t? ?)ok%f[%s][ %d]*%-?%s*(.*)$")
    local plan = tonumber(line:match("^1%.%.(%d+)$"))
    if plan then
      planned = (planned or 0) + plan
    elseif bad and (bad == "" or bad == "not ") then
      local reason = rest:match("^# SKIP%s*(.*)$")
      if reason and bad == "" and reason:find("../shared", 1, true) then
        notes[#notes + 1] = "skipped: " .. reason
        planned = (planned or 0) - 1
      elseif reason then
        failed = failed + 1
        notes[#notes + 1] = "skipped: " .. reason
      elseif bad == "" then
        passed = passed + 1
      else
        failed = failed + 1
      end
    end
  end
  local function complain(number, note)
    failed = failed + number
    notes[#notes + 1] = note
  end
  if not planned then
    complain(1, code > 128 and "killed by signal " .. code - 128 or code == 124
      and "ran into its limit of " .. LIMIT .. " s" or "ended early, code " .. tostring(code))
  elseif passed + failed < planned then
    complain(planned - passed - failed, "results are missing")
  elseif passed + failed == 0 and #notes == 0 then
    complain(1, "ran no test")
  elseif failed == 0 and code ~= 0 then
    complain(1, "ended with code " .. tostring(code) .. " although its tests passed")
  end
  return passed, failed, notes
end

-- Runners tell here that they have ended: their index, a line each. Open both ways, so that a read
-- waits for the next one.
local fifo = results .. "/ended"

local function start(runner, index)
  local dir = results .. "/" .. runner.name:gsub("[/.]", "_")
  assert(os.execute("mkdir -p " .. run.quote(dir .. "/tmp")))
  runner.dir = dir
  runner.tap = dir .. "/tap"
  -- Reports of sanitizers go to files, so that those of child processes are found too.
  local env = run.environment {
    CMOCKA_MESSAGE_OUTPUT = "TAP", TEST_BUILD = build, TMPDIR = dir .. "/tmp",
    LC_ALL = "C.UTF-8", TZ = "UTC",
    -- Tests ask for sizes that no machine has; malloc then answers NULL, as without a sanitizer.
    ASAN_OPTIONS = "detect_leaks=1:allocator_may_return_null=1:log_path=" .. dir .. "/sanitizer",
    UBSAN_OPTIONS = "print_stacktrace=1:log_path=" .. dir .. "/sanitizer",
    LSAN_OPTIONS = "suppressions=" .. root .. "/spec/support/leaks.supp:print_suppressions=0",
  }
  runner.pipe = assert(io.popen(("timeout -k 10 %.0f %s %s >%s 2>&1 </dev/null; code=$?; "
    .. "echo %d >%s; exit $code"):format(LIMIT, env, runner.command, run.quote(runner.tap), index,
    run.quote(fifo))))
  runner.started = tonumber(run.first_line("date +%s.%N"))
end

local function finish(runner)
  local _, _, code = runner.pipe:close()
  local seconds = tonumber(run.first_line("date +%s.%N")) - runner.started
  local text = run.read_file(runner.tap) or ""
  local passed, failed, notes = count(text, code)
  for _, path in ipairs(lines_of("ls " .. run.quote(runner.dir) .. "/sanitizer* 2>/dev/null")) do
    local report = run.read_file(path) or ""
    if report:find("ERROR:", 1, true) or report:find("runtime error:", 1, true) then
      failed = failed + 1
      notes[#notes + 1] = "a sanitizer complained: " .. path
      text = text .. report
    end
  end
  os.execute("rm -rf " .. run.quote(runner.dir .. "/tmp"))
  print(("%-48s %5d passed %5.1f s%s"):format(runner.name, passed, seconds,
    failed > 0 and (", %d FAILED"):format(failed) or ""))
  for _, note in ipairs(notes) do
    print("    " .. note)
  end
  if failed > 0 then
    for line in text:gmatch("[^\n]+") do
      if not line:match("^ok ") then
        print("    | " .. line)
      end
    end
  end
  io.stdout:flush()
  return passed, failed
end

local function wanted(runner)
  if #arg == 1 then
    return true
  end
  for index = 2, #arg do
    if runner.name:find(arg[index], 1, true) then
      return true
    end
  end
  return false
end

local queue, passed, failed = {}, 0, 0
os.execute("rm -rf " .. run.quote(results))
local runners = find_runners()
for _, first in ipairs { true, false } do
  for _, runner in ipairs(runners) do
    if wanted(runner) and (LONG[runner.name] or false) == first then
      queue[#queue + 1] = runner
    end
  end
end
assert(os.execute(("mkdir -p %s && mkfifo %s"):format(run.quote(results), run.quote(fifo))))
local ended = assert(io.open(fifo, "r+"))
for index = 1, #queue + AT_A_TIME do
  if index > AT_A_TIME and index - AT_A_TIME <= #queue then
    local good, bad = finish(queue[ended:read("n")])
    passed, failed = passed + good, failed + bad
  end
  if queue[index] then
    start(queue[index], index)
  end
end
if #queue == 0 then
  print("nothing to run")
  failed = 1
end
local line = ("%d passed, %d failed"):format(passed, failed)
os.execute("mkdir -p " .. run.quote(results))
run.write_file(results .. "/summary", line .. "\n")
print(line)
os.exit(failed == 0, true)
