// Package balance chooses one of several members for a session.
//
// # By hash
//
// A key keeps its member for as long as the members stay, on every gateway alike. It is weighted rendezvous hashing: key
// and member together draw a lot, the best lot wins. A ring of points does the same job in fewer steps, but with a few
// hundred points a member its shares are off by several per cent, and changing a weight moves keys between bystanders.
// Here shares follow the weights exactly, apart from chance; a member that joins, leaves or changes weight moves only the
// keys it gains or loses, and those it loses spread over all others by weight. There is nothing to build or keep apart
// from sixteen bytes a member. The price is a pass over the members for each choice, some nanoseconds each, paid once a
// session.
//
// Loads can be bounded as in "Consistent Hashing with Bounded Loads" (Mirrokni, Thorup, Zadimoghaddam, 2016): a member
// that has more than its share, times a factor, is passed over, and the key goes to the next in its own order of
// preference.
//
// # By load, or in turn
//
// Least takes the member with the fewest sessions for its weight. Two draws two members by lot and takes the less loaded
// one: gateways that know nothing of each other do not all run to the same member (Mitzenmacher, 2001). RoundRobin takes
// members in turn, by weight, as stride scheduling does (Waldspurger, 1995): each turn moves a member's pass on by the
// inverse of its weight, and the lowest pass is next.
//
// # Who comes into question
//
// Members have a cap of sessions, and a level. A level is used when those before it have fallen below a threshold of
// their healthy weight. Near members are taken while they have room.
//
// A Table is immutable and free for any goroutine. The Loads it points to belong to whoever made them and may change at
// any time.
package balance
