-- A cache folder that is not what it should be, met by an ordinary user, also where the tests run
-- as root: the caller gets its token and at most one cache event, and no foreign file changes.
local support = require "spec.support"

local quote = support.quote
local ROOT = support.run.first_line("id -u") == "0"
local USER = 65534
local TOKEN = "POST /ims/token/v3"

-- Runs a line of shell, which must succeed. base is $0.
local function sh(base, line)
  local result = support.run { "sh", "-e", "-c", line, base }
  assert.equal(0, result.code, line .. ": " .. result.err)
  return result.out
end

describe("a cache folder", function()
  local box, base

  setup(function()
    box = support.sandbox { products = 2, orders = 2, customers = 2 }
  end)
  teardown(function()
    box:close()
  end)

  -- A place that another user reaches, with all that a worker needs: the source tree may be out of
  -- its reach.
  before_each(function()
    base = support.run.first_line("mktemp -d /tmp/accs-folder.XXXXXX")
    local core = package.searchpath("accs.core", package.cpath)
    sh(base, ([[mkdir -p "$0/app/lib/accs" "$0/app/bin" "$0/home" "$0/foreign"
      cp -r lua "$0/app" && cp %s "$0/app/lib/accs/"
      cp "$(command -v lua5.4)" "$0/app/bin/"
      cp spec/tokens/worker.lua "$0/app/"
      echo precious >"$0/foreign/file" && mkdir "$0/foreign/folder" && chmod -R go+rX "$0"
      chmod 0755 "$0"]]):format(quote(core)))
    if ROOT then
      sh(base, ('chown -R %d:%d "$0/home"'):format(USER, USER))
    end
  end)
  after_each(function()
    os.execute("chmod -R u+rwX " .. quote(base) .. "/home; rm -rf " .. quote(base))
  end)

  -- One process of the ordinary user, with the widest umask; `first` is run before, in its place.
  local function run_worker(first, mounts)
    local as_user = ROOT and ("setpriv --reuid=%d --regid=%d --clear-groups --"):format(USER, USER)
      or ""
    local words = { "sh", "-c", ([[cd "$0/home" && umask 000
      %s
      exec %s "$0/app/bin/lua5.4" "$0/app/worker.lua" calls 1]]):format(first or "", as_user),
      base }
    if mounts then
      table.move(words, 1, #words, 3)
      words[1], words[2] = "unshare", ROOT and "-m" or "-rm"
    end
    words.env = {
      BARRIER = "/dev/null", CACHE = base .. "/home/cache", HOME = base .. "/home",
      LUA_PATH_5_4 = base .. "/app/lua/?.lua;" .. base .. "/app/lua/?/init.lua;;",
      LUA_CPATH_5_4 = base .. "/app/lib/?.so;;", ASAN_OPTIONS = "log_path=stderr",
    }
    for name, value in pairs(box.env) do
      words.env[name] = value
    end
    local before = box:count(TOKEN)
    local result = support.run(words)
    local ok, cache, said = result.out:match("done %d+ (%l+) [%d.]+ (%d+) ?([^\n]*)\n$")
    assert.equal("ok", ok, result.out .. result.err)
    assert.equal("", result.err)
    return math.tointeger(tonumber(cache)), said, box:count(TOKEN) - before
  end

  -- What there is of others, as text.
  local function foreign()
    return sh(base, [[cd "$0/foreign" && find . -printf '%p %y %m %U %T@ %s\n' | LC_ALL=C sort
      cat file]])
  end

  local function modes(what)
    return (sh(base, ([[cd "$0/home" && find cache -type %s -printf '%%m\n' | sort -u]])
      :format(what)):gsub("\n", " "))
  end

  it("is made for its owner alone, whatever the umask", function()
    local events, _, asked = run_worker()
    assert.same({ 0, 1 }, { events, asked })
    assert.equal("700 ", modes("d"))
    assert.equal("600 ", modes("f"))
    events, _, asked = run_worker()
    assert.same({ 0, 0 }, { events, asked })
  end)

  local ENTRY = '"$(ls "$0"/home/cache/*.sealed)"'
  local LOCK = '"$(ls "$0"/home/cache/*.lock)"'
  local EMPTY = 'rm -rf "$0/home/cache"; '
  -- What is done to a cache that is in use, cache events, token requests of two runs; true: needs
  -- root.
  local cases = {
    { "whose entry others can read", "chmod 0644 " .. ENTRY, 1, { 1, 0 } },
    { "whose entry others can write", "chmod 0666 " .. ENTRY, 1, { 1, 0 } },
    { "whose entry nobody can read", "chmod 0000 " .. ENTRY, 1, { 1, 0 } },
    { "that others can write to", 'chmod 0777 "$0/home/cache"', 1, { 1, 1 } },
    { "that is read-only", 'rm ' .. ENTRY .. ' && chmod 0500 "$0/home/cache"', 1, { 1, 1 } },
    { "that cannot be entered", 'chmod 0000 "$0/home/cache"', 1, { 1, 1 } },
    { "that cannot be made", EMPTY .. 'chmod 0500 "$0/home"', 1, { 1, 1 } },
    { "that is a file", EMPTY .. 'echo >"$0/home/cache"', 1, { 1, 1 } },
    { "that is a symbolic link", EMPTY .. 'ln -s "$0/foreign/folder" "$0/home/cache"', 1,
      { 1, 1 } },
    { "that is a symbolic link to the user's own",
      EMPTY .. 'mkdir -m 0700 "$0/home/own" && ln -s "$0/home/own" "$0/home/cache"', 1, { 1, 1 } },
    { "whose entry is a symbolic link",
      'e=' .. ENTRY .. '; rm "$e" && ln -s "$0/foreign/file" "$e"', 1, { 1, 1 } },
    { "whose entry is a directory", 'e=' .. ENTRY .. '; rm "$e" && mkdir "$e"', 1, { 1, 1 } },
    { "whose entry is a FIFO", 'e=' .. ENTRY .. '; rm "$e" && mkfifo "$e"', 1, { 1, 1 } },
    { "whose lock is a symbolic link",
      'l=' .. LOCK .. '; rm ' .. ENTRY .. ' "$l" && ln -s "$0/foreign/file" "$l"', 1, { 1, 0 } },
    { "whose lock is a directory",
      'l=' .. LOCK .. '; rm ' .. ENTRY .. ' "$l" && mkdir "$l"', 1, { 1, 0 } },
    { "that is root's", 'chown -R 0:0 "$0/home/cache" && chmod 0755 "$0/home/cache"', 1, { 1, 1 },
      true },
    { "that is root's and open to all", 'chown 0:0 "$0/home/cache" && chmod 0777 "$0/home/cache"',
      1, { 1, 1 }, true },
    { "whose entry is root's", "chown 0:0 " .. ENTRY .. " && chmod 0600 " .. ENTRY, 1, { 1, 1 },
      true },
    { "whose entry is root's and open to all", "chown 0:0 " .. ENTRY .. " && chmod 0666 " .. ENTRY,
      1, { 1, 1 }, true },
  }
  for _, case in ipairs(cases) do
    if ROOT or not case[5] then
      it(case[1] .. " costs a cache event at most, and changes nothing of others", function()
        run_worker()
        sh(base, case[2])
        if ROOT then -- what the case made is the user's, unless it says otherwise
          sh(base, case[5] and ":" or ('chown -hR %d:%d "$0/home"'):format(USER, USER))
        end
        local before = foreign()
        local kept = sh(base, [[find "$0/home" -uid 0 -type f -exec md5sum {} + | sort]])
        for round = 1, 2 do
          local events, said, asked = run_worker()
          assert.is_true(events <= case[3], said)
          assert.equal(case[4][round], asked, ("run %d: %s"):format(round, said))
        end
        assert.equal(before, foreign())
        if ROOT and case[5] then
          assert.equal(kept, sh(base, [[find "$0/home" -uid 0 -type f -exec md5sum {} + | sort]]))
        end
      end)
    end
  end

  it("on a full disk costs a cache event at most", function()
    local fill = ([[mount -t tmpfs -o size=16k,mode=0700%s tmpfs "$0/home" && cd "$0/home"
      dd if=/dev/zero of=filler bs=4k 2>/dev/null]]):format(ROOT and ",uid=" .. USER or "")
    local events, said, asked = run_worker(fill, true)
    assert.is_true(events <= 1, said)
    assert.equal(1, asked)
    assert.matches("no space left on the device", said)
  end)

  it("on a read-only disk costs a cache event at most", function()
    local fill = ([[mount -t tmpfs -o size=16k,mode=0700%s tmpfs "$0/home"
      mount -o remount,ro "$0/home"]]):format(ROOT and ",uid=" .. USER or "")
    local events, said, asked = run_worker(fill, true)
    assert.is_true(events <= 1, said)
    assert.equal(1, asked)
    assert.matches("nor can it be made", said)
  end)
end)
