-- A program that listens for a redirect and says what comes, a line each:
--   lua5.4 spec/support/listener.lua REDIRECT_URI
-- It prints "up" when it listens. A query with "good" in it is accepted and ends the program, one
-- with "failed" is shown as that, any other as foreign. Standard input is waited for as well; its
-- end ends the program.
local core = require "accs.core"

local loopback <close> = assert(core.loopback(arg[1]))
io.stdout:setvbuf("line")
print("up")
local kind
repeat
  local what, text = loopback:wait(60, 0)
  kind = what == "input" and not text and "end" or what
  print(kind, text or "")
  if what == "redirect" then
    local page = text:find("good") and "accepted" or text:find("failed") and "failed" or "foreign"
    loopback:answer(page)
    kind = page == "accepted" and "end" or kind
  end
until kind == "end" or kind == nil
