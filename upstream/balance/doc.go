// Package balance chooses one of several members for a key, so that a key keeps
// its member for as long as the members stay, on every gateway alike.
//
// It is weighted rendezvous hashing: key and member together draw a lot, the best
// lot wins. A ring of points does the same job in fewer steps, but with a few
// hundred points a member its shares are off by several per cent, and changing a
// weight moves keys between bystanders. Here shares follow the weights exactly,
// apart from chance; a member that joins, leaves or changes weight moves only the
// keys it gains or loses, and those it loses spread over all others by weight.
// There is nothing to build or keep apart from sixteen bytes a member. The price is
// a pass over the members for each choice, some nanoseconds each, paid once a session.
//
// Loads are bounded as in "Consistent Hashing with Bounded Loads" (Mirrokni, Thorup,
// Zadimoghaddam, 2016): a member that has more than its share, times a factor, is
// passed over, and the key goes to the next in its own order of preference.
//
// A Table is immutable and free for any goroutine. The Loads it points to belong to
// whoever made them and may change at any time.
package balance
