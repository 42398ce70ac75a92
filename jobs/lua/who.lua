-- Know whom a token stands for, in one round trip. Writes nothing.
-- ARGV 1 the token's digest
-- Returns {'OK', user, organisation, role, created (s)} | {'NOBODY'}. Draws no arrow.
--include base people

local who = person_of(ARGV[1])
if not who then return { 'NOBODY' } end
return { 'OK', unpack(who) }
