story  The same two jobs, but mina has left: her result is not looked at before tomorrow
team   mina Asia/Seoul  work Mon-Fri 09:00-18:00   joon Asia/Seoul  work Mon-Fri 09:00-18:00   gpus 1
policy blend
past   mina eval, 2h, 8 times
past   joon eval, 2h, 8 times
past   joon long, 6h, 8 times

09:00  submit A by joon, command long, 6h
10:00  submit M by mina, command eval, 2h
10:01  submit J by joon, command eval, 2h
14:00  mina away until tue 09:00
expect 15:00 J start       why: joon looks at it at 17:00; mina sees hers tomorrow morning either way
expect 17:00 M start       why: nothing else waits
expect tue 09:00 M seen    why: mina is back
