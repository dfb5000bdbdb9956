// Package rate says how often and how much: a [Limit] is the rule, a [Bucket] counts one session against it, and a
// [Table] counts all that share an address, a user or a route.
//
//	"100/60s burst 20" -- ParseLimit --> Limit
//	a session's message --> Bucket.Take(limit, now, 1) --> within the limit, or not
//	a client's address -- IPKey -----> Key --> Table.Take(key, now, 1)
//	a user's name      -- StringKey -> Key
//
// # What a limit promises
//
// A limit is a token bucket: it holds Burst tokens at first and gets N more in each Per, evenly, up to Burst. In any
// span of time T at most Burst + N*T/Per pass. So "100/60s" lets 100 pass at once, and then one every 600 ms; in the
// worst 60 s 200 pass, over time 100 in each. Who needs at most 100 in every 60 s writes "50/60s".
//
// There is no sliding window beside it. The usual one, which weighs the last window's count against this one's, has the
// same worst case (all of one window at its end, then nearly as much by the end of the next), an exact one keeps the
// time of each message, and both say later than a bucket when the next is allowed.
//
// What is over the limit can be refused (Take), or be let through while its source is not read for a time (Spend).
//
// # Time
//
// Times are durations since a start that all users of one Bucket or Table share. A time before an earlier one refills
// nothing and takes nothing back: clocks of loops that are a few milliseconds apart make a limit stricter by that much.
//
// # Who owns what
//
// A Bucket belongs to its session's loop. Tables are for any goroutine: a lock for each of up to 1024 shards,
// no goroutine of their own, and memory bounded by the number of keys they are made for. A table's entry that is as good
// as none, since its bucket is full again, gives its place to the next key. Where an attacker chooses the keys, they
// cannot choose the places: hashes are seeded in each process.
package rate
