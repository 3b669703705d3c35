story  What would delay the reserved job does not slip in
team   mina Asia/Seoul  work Mon-Fri 09:00-18:00   joon Asia/Seoul  work Mon-Fri 09:00-18:00   gpus 2
policy easy
past   mina long, 4h, 6 times
past   joon slow, 8h, 6 times
past   mina big, 2h, 6 times, 2 gpus

09:00  submit A by mina, command long, 4h
09:10  submit B by mina, command big, 2h, 2 gpus
09:20  submit C by joon, command slow, 8h
expect 09:20 C waits Priority   why: it would still run at 13:00, when B is to have both GPUs
expect 13:00 B start            why: A is over
expect 15:00 C start            why: B is over
