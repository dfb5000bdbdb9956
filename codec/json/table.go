package json

// state is what may come next.
type state uint8

const (
	value        state = iota // also the begin of a message
	firstElement              // behind '[': a value or ']'
	firstName                 // behind '{': a name or '}'
	name                      // behind ',' in an object
	colon
	afterElement
	afterMember
	afterText  // the text is whole: white space alone
	nameEscape // in a name; the states of an escape follow in the same order for both kinds of strings
	nameHex4   // that many hexadecimal digits to come
	nameHex3
	nameHex2
	nameHex1
	stringEscape
	stringHex4
	stringHex3
	stringHex2
	stringHex1
	minus
	zero
	integer
	point
	fraction
	exponent
	exponentSign
	exponentDigits
	trueR // inside true, the r to come
	trueU
	trueE
	falseA
	falseL
	falseS
	falseE
	nullU
	nullL
	nullLast
	broken // behind an error
	nameBody
	stringBody
	states

	inString = nameBody // and those behind it: what follows is mostly more of the same
)

// What a byte can ask for instead of a state, as the stack decides.
const (
	openArray = states + iota
	openObject
	endValue  // with this byte
	endNumber // before this byte
	closing
	bad
)

// expected names what a state needs, for errors. Those without a name need what the one before them does.
var expected = [states]string{
	value:          "a value",
	firstElement:   "a value or ']'",
	firstName:      "a name in quotes or '}'",
	name:           "a name in quotes",
	colon:          "':'",
	afterElement:   "',' or ']'",
	afterMember:    "',' or '}'",
	afterText:      "its end",
	nameBody:       "the string's end, with control characters escaped",
	nameEscape:     `one of "\/bfnrtu`,
	nameHex4:       "a hexadecimal digit",
	stringBody:     "the string's end, with control characters escaped",
	stringEscape:   `one of "\/bfnrtu`,
	stringHex4:     "a hexadecimal digit",
	minus:          "a digit",
	zero:           "'.', 'e' or the number's end",
	integer:        "a digit, '.', 'e' or the number's end",
	point:          "a digit",
	fraction:       "a digit, 'e' or the number's end",
	exponent:       "a digit or a sign",
	exponentSign:   "a digit",
	exponentDigits: "a digit or the number's end",
	trueR:          "the rest of true",
	falseA:         "the rest of false",
	nullU:          "the rest of null",
	broken:         "no more, as it was broken before",
}

// next is the table: what follows each state at each byte.
var next = makeTable()

func makeTable() (next [states][256]state) {
	for s := range next {
		for c := range next[s] {
			next[s][c] = bad
		}
	}
	on := func(s state, bytes string, to state) {
		for i := range len(bytes) {
			next[s][bytes[i]] = to
		}
	}
	const digits, digits1to9 = "0123456789", "123456789"
	for s := value; s <= afterText; s++ {
		on(s, " \t\r\n", s)
	}
	for _, s := range [...]state{value, firstElement} {
		on(s, "[", openArray)
		on(s, "{", openObject)
		on(s, `"`, stringBody)
		on(s, "-", minus)
		on(s, "0", zero)
		on(s, digits1to9, integer)
		on(s, "t", trueR)
		on(s, "f", falseA)
		on(s, "n", nullU)
	}
	on(firstElement, "]", closing)
	on(firstName, "}", closing)
	on(firstName, `"`, nameBody)
	on(name, `"`, nameBody)
	on(colon, ":", value)
	on(afterElement, ",", value)
	on(afterElement, "]", closing)
	on(afterMember, ",", name)
	on(afterMember, "}", closing)

	for body, escape := range map[state]state{nameBody: nameEscape, stringBody: stringEscape} {
		for c := 0x20; c < 0x100; c++ {
			next[body][c] = body
		}
		on(body, `\`, escape)
		on(escape, `"\/bfnrt`, body)
		on(escape, "u", escape+1)
		for hex := escape + 1; hex <= escape+4; hex++ {
			on(hex, digits+"abcdefABCDEF", hex+1)
		}
		on(escape+4, digits+"abcdefABCDEF", body)
	}
	on(nameBody, `"`, colon)
	on(stringBody, `"`, endValue)

	for _, s := range [...]state{zero, integer, fraction, exponentDigits} {
		on(s, " \t\r\n,]}", endNumber)
	}
	on(minus, "0", zero)
	on(minus, digits1to9, integer)
	on(integer, digits, integer)
	on(zero, ".", point)
	on(integer, ".", point)
	on(point, digits, fraction)
	on(fraction, digits, fraction)
	for _, s := range [...]state{zero, integer, fraction} {
		on(s, "eE", exponent)
	}
	on(exponent, "+-", exponentSign)
	for _, s := range [...]state{exponent, exponentSign, exponentDigits} {
		on(s, digits, exponentDigits)
	}

	for first, rest := range map[state]string{trueR: "rue", falseA: "alse", nullU: "ull"} {
		s := first
		for i := range len(rest) - 1 {
			on(s, rest[i:i+1], s+1)
			s++
		}
		on(s, rest[len(rest)-1:], endValue)
	}
	return next
}
