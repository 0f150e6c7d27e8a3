-- What accs.loop asks of an event loop, with one that is made of a few lines.
local accs = require "accs"
local core = require "accs.core"
local loop = require "accs.loop"
local run = require "spec.support.run"

-- Whether a descriptor is open in this process.
local function is_open(fd)
  local pid = run.read_file("/proc/self/stat"):match("^%d+")
  return os.execute(("test -e /proc/%s/fd/%d"):format(pid, fd)) == true
end

local host = {}
local woken, watched

function host.wake()
  woken = true
end

function host.watch(fd)
  assert(is_open(fd), "not open")
  assert(not watched[fd], "watched already")
  watched[fd] = true
  return { fd = fd }
end

function host.unwatch(found)
  assert(watched[found.fd], "not watched")
  assert(is_open(found.fd), "closed before it was given back")
  watched[found.fd] = nil
end

-- Runs until there is nothing to do, at most so many rounds.
local function work(engines)
  local rounds = 0
  while woken or next(watched) do
    woken = false
    local more, waiting = loop.turn()
    assert.equal(waiting, next(watched) ~= nil)
    woken = woken or more
    if waiting and not woken then
      core.wait(engines or { accs.engine() }, 5)
    end
    rounds = rounds + 1
    assert.is_true(rounds < 1000)
  end
  return rounds
end

describe("an event loop of one's own", function()
  before_each(function()
    woken, watched = false, {}
    loop.attach(host)
  end)

  it("is woken for a task, and watches the engine while it waits", function()
    local slept
    loop.wrap(function() slept = accs.sleep(0.05) end, "the argument")()
    assert.is_true(woken)
    assert.is_true(work() < 20)
    assert.is_true(slept)
    assert.same({}, watched)
  end)

  it("is not woken by what happens inside its own turn", function()
    loop.wrap(function() accs.sleep(0.01) end, "the argument")()
    woken = false
    local more, waiting = loop.turn()
    assert.is_false(more)
    assert.is_true(waiting)
    assert.is_false(woken)
    work()
  end)

  it("gives a descriptor back before it is closed, and is woken for those who waited", function()
    local engine = accs.engine { max_connections = 1 }
    local waits = require "accs.waits"
    local failure
    loop.wrap(function()
      failure = select(2, waits.await(engine, engine:timer(60)))
    end, "the argument")()
    loop.turn()
    assert.is_true(watched[engine:fd()])
    woken = false
    engine:close()
    assert.same({}, watched)
    assert.is_true(woken)
    work()
    assert.equal("closed", failure.kind)
  end)

  it("watches every engine in use, each once", function()
    local engine <close> = accs.engine { max_connections = 1 }
    local waits = require "accs.waits"
    local count = 0
    for index = 1, 4 do
      loop.wrap(function()
        if index % 2 == 0 then
          accs.sleep(0.02)
        else
          assert(waits.await(engine, engine:timer(0.03)))
        end
        count = count + 1
      end, "the argument")()
    end
    loop.turn()
    assert.is_true(watched[engine:fd()] and watched[accs.engine():fd()])
    work { engine, accs.engine() }
    assert.equal(4, count)
  end)

  it("hears of tasks that wait already when it comes", function()
    local other = { wake = function() end, watch = host.watch, unwatch = host.unwatch }
    loop.attach(other)
    accs.spawn(accs.sleep, 0.02)
    accs.spawn(function() end):wait() -- the other now waits for its timer
    woken = false
    loop.attach(host)
    assert.is_true(woken)
    work()
    assert.equal(0, accs.engine():pending())
  end)

  it("hears of tasks that were to begin when it comes", function()
    loop.attach { wake = function() end, watch = host.watch, unwatch = host.unwatch }
    local ran
    accs.spawn(function() ran = true end)
    loop.attach(host)
    work()
    assert.is_true(ran)
  end)
end)
