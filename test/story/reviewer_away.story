story  The same jobs, but it is ruth who has left: mina's result is not looked at before tomorrow, though mina is here
team   mina Asia/Seoul  work Mon-Fri 09:00-18:00   joon Asia/Seoul  work Mon-Fri 09:00-18:00   ruth Asia/Seoul  work Mon-Fri 09:00-18:00   gpus 1
policy blend
past   mina eval, 2h, 8 times
past   joon eval, 2h, 8 times
past   joon long, 6h, 8 times

09:00  submit A by joon, command long, 6h
10:00  submit M by mina, command eval, 2h, reviewer ruth
10:01  submit J by joon, command eval, 2h
14:00  ruth away until tue 09:00
expect 15:00 J start       why: joon looks at it at 17:00; ruth sees mina's tomorrow morning either way
expect 17:00 M start       why: nothing else waits
expect tue 09:00 M seen    why: ruth is back
