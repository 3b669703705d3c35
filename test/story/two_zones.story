story  Seoul sleeps while Berlin works: each result comes when its owner is there
team   mina Asia/Seoul  work Mon-Fri 09:00-18:00   anna Europe/Berlin  work Mon-Fri 09:00-18:00   gpus 1
policy blend
past   mina eval, 3h, 8 times
past   anna eval, 3h, 8 times
past   mina long, 5h, 8 times

12:00  submit L by mina, command long, 5h
16:10  submit M by mina, command eval, 3h
16:11  submit N by anna, command eval, 3h
expect 17:00 N start        why: anna looks at 20:00, noon in Berlin; mina sees hers tomorrow anyway
expect 20:00 M start        why: anna's is over
expect tue 09:00 M seen     why: mina comes in
