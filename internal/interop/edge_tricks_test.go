package interop

import (
	"strings"
)

// hidden is what no backend may see as a request. In requests, @ stands for a path of their own.
const hidden = "GET @/smuggled HTTP/1.1\r\nHost: x\r\n\r\n"

// trick is a request in which more may be read than was meant.
type trick struct {
	what, request string
	answers       string   // statuses, to it and to what follows it on the connection
	reach         []string // what the backend gets, without the path in front
}

const (
	none    = "400"
	upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: d2VpciBpbnRlcm9wIGtleQ==\r\n"
)

// post is a request with a body, which is followed by /last.
func post(fields, body string) string {
	return "POST @ HTTP/1.1\r\nHost: x\r\n" + fields + "\r\n" + body
}

func inChunks(body string) string { return post("Transfer-Encoding: chunked\r\n", body) }

var passed = []string{"", "/last"}

var tricks = []trick{
	{"length and chunked", post("Content-Length: 6\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"+hidden), none, nil},
	{"chunked and length", post("Transfer-Encoding: chunked\r\nContent-Length: 3\r\n", "8\r\nabcdefgh\r\n0\r\n\r\n"), none, nil},
	{"two lengths", post("Content-Length: 0\r\nContent-Length: 60\r\n", hidden), none, nil},
	{"two lengths that are equal", post("Content-Length: 3\r\nContent-Length: 3\r\n", "abc"), "200 200", passed},
	{"a list of equal lengths", post("Content-Length: 3, 3\r\n", "abc"), "200 200", passed},
	{"a list of other lengths", post("Content-Length: 3, 60\r\n", "abc"+hidden), none, nil},
	{"a list and another length", post("Content-Length: 3, 3\r\nContent-Length: 60\r\n", "abc"+hidden), none, nil},
	{"a negative length", post("Content-Length: -1\r\n", hidden), none, nil},
	{"a signed length", post("Content-Length: +3\r\n", "abc"+hidden), none, nil},
	{"a hexadecimal length", post("Content-Length: 0x3\r\n", "abc"+hidden), none, nil},
	{"a length that is too large", post("Content-Length: 99999999999999999999\r\n", hidden), none, nil},
	{"an empty length", post("Content-Length:\r\n", hidden), none, nil},
	{"a length that Connection names", post("Connection: Content-Length\r\nContent-Length: 3\r\n", "abc"), "200 200", passed},
	{"a coding that Connection names", post("Connection: Transfer-Encoding\r\nTransfer-Encoding: chunked\r\n", "3\r\nabc\r\n0\r\n\r\n"), "200 200", passed},
	{"a host that Connection names", "GET @ HTTP/1.1\r\nHost: x\r\nConnection: Host\r\n\r\n", "200 200", passed},
	{"a space before the colon", post("Transfer-Encoding : chunked\r\n", "0\r\n\r\n"+hidden), none, nil},
	{"another coding", post("Transfer-Encoding: xchunked\r\n", "0\r\n\r\n"+hidden), "400|501", nil},
	{"chunked twice", post("Transfer-Encoding: chunked, chunked\r\n", "0\r\n\r\n"+hidden), "400|501", nil},
	{"chunked in two fields", post("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", "0\r\n\r\n"+hidden), "400|501", nil},
	{"chunked behind a control", post("Transfer-Encoding: \x0bchunked\r\n", "0\r\n\r\n"+hidden), "400|501", nil},
	{"chunked, quoted", post("Transfer-Encoding: \"chunked\"\r\n", "0\r\n\r\n"+hidden), "400|501", nil},
	{"chunked in HTTP/1.0", "POST @ HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + hidden, "400|501|505", nil},
	{"LF alone ends lines", "GET @ HTTP/1.1\nHost: x\n\n", none, nil},
	{"LF alone ends one line", "GET @ HTTP/1.1\r\nHost: x\r\nX: y\nContent-Length: 60\r\n\r\n" + hidden, none, nil},
	{"LF alone ends the head", "GET @ HTTP/1.1\r\nHost: x\r\n\n" + hidden, none, nil},
	{"CR alone", "GET @ HTTP/1.1\r\nHost: x\r\nX: y\rContent-Length: 60\r\n\r\n", none, nil},
	{"a folded field", "GET @ HTTP/1.1\r\nHost: x\r\nX: y\r\n Content-Length: 60\r\n\r\n", none, nil},
	{"a folded length", "POST @ HTTP/1.1\r\nHost: x\r\nContent-Length:\r\n 3\r\n\r\nabc", none, nil},
	{"a fold behind the request line", "GET @ HTTP/1.1\r\n Host: y\r\nHost: x\r\n\r\n", none, nil},
	{"NUL", "GET @ HTTP/1.1\r\nHost: x\r\nX: a\x00b\r\n\r\n", none, nil},
	{"two hosts", "GET @ HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", none, nil},
	{"no host", "GET @ HTTP/1.1\r\n\r\n", none, nil},
	{"a target of another host", "GET http://y@ HTTP/1.1\r\nHost: x\r\n\r\n", "200 200", passed},
	{"a space in the target", "GET @ /smuggled HTTP/1.1\r\nHost: x\r\n\r\n", none, nil},
	{"two spaces", "GET  @ HTTP/1.1\r\nHost: x\r\n\r\n", none, nil},
	{"a tab", "GET\t@ HTTP/1.1\r\nHost: x\r\n\r\n", none, nil},
	{"HTTP/0.9", "GET @\r\n", "400|505", nil},
	{"HTTP/1.2", "GET @ HTTP/1.2\r\nHost: x\r\n\r\n", "400|505", nil},
	{"a field without a name", "GET @ HTTP/1.1\r\nHost: x\r\n: y\r\n\r\n", none, nil},
	{"a line without a colon", "GET @ HTTP/1.1\r\nHost: x\r\nGET @/smuggled HTTP/1.1\r\n\r\n", none, nil},
	{"GET with a body", "GET @ HTTP/1.1\r\nHost: x\r\nContent-Length: 37\r\n\r\n" + "GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\nab", "200 200", passed},
	{"h2c", "GET @ HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n", "200 200", passed},
	{"h2c, hidden from the list", "GET @ HTTP/1.1\r\nHost: x\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n", "200 200", passed},
	{"HTTP/2's preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + hidden, "400|505", nil},
	{"TLS by an upgrade", "OPTIONS @ HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: TLS/1.0\r\n\r\n", "200 200", passed},
	{"an upgrade that Connection does not name", "GET @ HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n\r\n", "200 200", passed},
	{"an upgrade with a length", "GET @ HTTP/1.1\r\nHost: x\r\n" + upgrade + "Content-Length: 60\r\n\r\n" + hidden, none, nil},
	{"an upgrade with chunks", "GET @ HTTP/1.1\r\nHost: x\r\n" + upgrade + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + hidden, none, nil},
	{"an upgrade by POST", "POST @ HTTP/1.1\r\nHost: x\r\n" + upgrade + "\r\n", "400|405", nil},
	{"an upgrade in an old version", "GET @ HTTP/1.1\r\nHost: x\r\n" + strings.Replace(upgrade, "13", "8", 1) + "\r\n" + hidden, "400|426", nil},
	{"an upgrade that is declined", "GET @/declined HTTP/1.1\r\nHost: x\r\n" + upgrade + "\r\n" + hidden, "426", []string{"/declined"}},
	{"a chunk's size with a sign", inChunks("+3\r\nabc\r\n0\r\n\r\n"), none, nil},
	{"a chunk's size with 0x", inChunks("0x3\r\nabc\r\n0\r\n\r\n"), none, nil},
	{"a chunk's size that is too large", inChunks("10000000000000003\r\nabc\r\n0\r\n\r\n"), none, nil},
	{"a chunk's size that is empty", inChunks("\r\nabc\r\n0\r\n\r\n"), none, nil},
	{"a chunk behind a space", inChunks(" 3\r\nabc\r\n0\r\n\r\n"), none, nil},
	{"a chunk that is longer than it says", inChunks("3\r\nabcdef\r\n0\r\n\r\n" + hidden), none, nil},
	{"a chunk's size ends in LF alone", inChunks("3\nabc\r\n0\r\n\r\n"), none, nil},
	{"a chunk ends in LF alone", inChunks("3\r\nabc\n0\r\n\r\n"), none, nil},
	{"LF in a chunk's extension", inChunks("3;x=\ny\r\nabc\r\n0\r\n\r\n"), none, nil},
	{"CR in a chunk's extension", inChunks("3;x=\ry\r\nabc\r\n0\r\n\r\n"), none, nil},
	{"a chunk's extension", inChunks("3;x=y\r\nabc\r\n0\r\n\r\n"), "200 200", passed},
	{"a trailer that lies", post("Transfer-Encoding: chunked\r\nTrailer: Content-Length, X-Forwarded-For, Transfer-Encoding\r\n",
		"3\r\nabc\r\n0\r\nContent-Length: 60\r\nX-Forwarded-For: 6.6.6.6\r\nTransfer-Encoding: chunked\r\n\r\n"), none, nil},
	{"a trailer without a colon", inChunks("3\r\nabc\r\n0\r\nGET @/smuggled HTTP/1.1\r\n\r\n"), none, nil},
}
