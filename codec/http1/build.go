package http1

import "strconv"

// AppendUpgrade adds the request that asks a backend for a WebSocket (RFC 6455 section 4.1). Its arguments come
// from a parsed Request and from Forward.
func AppendUpgrade(dst, target, host, key []byte, fields []Field) []byte {
	dst = append(dst, "GET "...)
	dst = append(dst, target...)
	dst = append(dst, " HTTP/1.1\r\nHost: "...)
	dst = append(dst, host...)
	dst = append(dst, "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: "...)
	dst = append(dst, key...)
	dst = append(dst, "\r\n"+versionField...)
	return append(appendFields(dst, fields), "\r\n"...)
}

// AppendSwitching adds the 101 that makes a client's connection a WebSocket (RFC 6455 section 4.2.2).
func AppendSwitching(dst, accept []byte, fields []Field) []byte {
	dst = append(dst, "HTTP/1.1 101 Switching Protocols\r\n"+upgradeField+"Sec-WebSocket-Accept: "...)
	dst = append(dst, accept...)
	dst = append(dst, "\r\n"...)
	return append(appendFields(dst, fields), "\r\n"...)
}

// AppendAnswer adds the head of a backend's refusal as passed on to the client. The body follows as it comes, then
// the connection is closed.
func AppendAnswer(dst []byte, status int, reason []byte, fields []Field) []byte {
	dst = appendStatus(dst, status, reason)
	dst = appendFields(dst, fields)
	if _, upgrades := only(fields, "upgrade"); upgrades > 0 { // RFC 9110 section 7.8
		dst = append(dst, "Connection: Upgrade\r\n"...)
	}
	return append(dst, "Connection: close\r\n\r\n"...)
}

func appendStatus[T text](dst []byte, status int, reason T) []byte {
	dst = append(dst, "HTTP/1.1 "...)
	dst = strconv.AppendInt(dst, int64(status), 10)
	dst = append(dst, ' ')
	dst = append(dst, reason...)
	return append(dst, "\r\n"...)
}

func appendFields(dst []byte, fields []Field) []byte {
	for i := range fields {
		dst = appendField(dst, fields[i])
	}
	return dst
}

func appendField(dst []byte, f Field) []byte {
	dst = append(append(dst, f.Name...), ": "...)
	return append(append(dst, f.Value...), "\r\n"...)
}
