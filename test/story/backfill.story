story  A short job slips in front of a big one that waits, and does not delay it
team   mina Asia/Seoul  work Mon-Fri 09:00-18:00   joon Asia/Seoul  work Mon-Fri 09:00-18:00   gpus 2
policy easy
past   mina long, 4h, 6 times
past   joon short, 30m, 6 times
past   mina big, 2h, 6 times, 2 gpus

09:00  submit A by mina, command long, 4h
09:10  submit B by mina, command big, 2h, 2 gpus
09:20  submit C by joon, command short, 30m
expect 09:00 A start            why: the machine is empty
expect 09:10 B waits Resources  why: it needs both GPUs and A has one until 13:00
expect 09:20 C start            why: it will be over long before B can start, so it may overtake
expect 13:00 B start            why: A is over; C has cost it nothing
expect finally B COMPLETED, 1 attempt
