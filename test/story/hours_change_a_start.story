story  Who can look decides: the same two jobs, mina at her desk until six
team   mina Asia/Seoul  work Mon-Fri 09:00-18:00   joon Asia/Seoul  work Mon-Fri 09:00-18:00   gpus 1
policy blend
past   mina eval, 2h, 8 times
past   joon eval, 2h, 8 times
past   joon long, 6h, 8 times

09:00  submit A by joon, command long, 6h
10:00  submit M by mina, command eval, 2h
10:01  submit J by joon, command eval, 2h
expect 15:00 M start   why: both would be looked at today and hers came first
expect 17:00 J start   why: M is over
