-- In a host that has set a locale with a decimal comma no amount with cents could be read.
local support = require "spec.support"

describe("an amount in a locale with a comma", function()
  it("is read and written with a point", function()
    local dir <close> = support.temp_dir()
    assert.equal(0, support.run({ "sh", "spec/support/comma_locale.sh", dir.path }).code)
    local result = support.run { "lua5.4", "-e", [[
      local money = require "accs.money"
      assert(os.setlocale("xx_XX", "numeric"))
      io.write(1.5, " ")
      for _, value in ipairs { 0.1, 34.5, 1e-4, 123456789.4321, 1e13, "2.5" } do
        io.write(assert(money.parse(value)), " ")
      end
      io.write(money.format(345000, "USD"))]], env = { LOCPATH = dir.path } }
    assert.equal("1,5 1000 345000 1 1234567894321 100000000000000000 25000 34.50",
      result.out .. result.err)
  end)
end)
