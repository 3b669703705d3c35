story  Another looks at it for her: mina has left, but ruth looks at mina's result today
team   mina Asia/Seoul  work Mon-Fri 09:00-18:00   joon Asia/Seoul  work Mon-Fri 09:00-18:00   ruth Asia/Seoul  work Mon-Fri 09:00-18:00   gpus 1
policy blend
past   mina eval, 2h, 8 times
past   joon eval, 2h, 8 times
past   joon long, 6h, 8 times

09:00  submit A by joon, command long, 6h
10:00  submit M by mina, command eval, 2h, reviewer ruth
10:01  submit J by joon, command eval, 2h
14:00  mina away until tue 09:00
expect 15:00 M start       why: ruth looks at it at 17:00, joon would look at his, and hers came first
expect 17:00 M seen        why: by ruth
expect 17:00 J start       why: M is over
