story  Held until it is released
team   mina Asia/Seoul  work Mon-Fri 09:00-18:00   gpus 1
09:00  submit A by mina, 1h, held
09:10  submit B by mina, 1h
10:30  hold B
11:00  release A
expect 09:00 A waits JobHeldUser  why: it was submitted held
expect 09:10 B start              why: nothing that may run is before it
expect 10:10 B end                why: the hold comes too late
expect 11:00 A start              why: released
