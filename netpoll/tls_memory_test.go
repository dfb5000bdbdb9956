package netpoll_test

import (
	"runtime"
	"testing"

	"weir/netpoll"
)

// This version of Go must have the fields that the lending of buffers needs; else it works, and each connection costs
// some kilobytes more: then look at tls_buffers.go.
func TestTLSLends(t *testing.T) {
	if !netpoll.Lending() {
		t.Errorf("%s: the fields of tls.Conn have changed", runtime.Version())
	}
}

// Without them, all is as it should be.
func TestTLSWithoutLending(t *testing.T) {
	defer netpoll.WithoutLending()()
	for name, f := range map[string]func(*testing.T){
		"echo": TestTLSEcho, "byte by byte": TestTLSByteByByte, "records": TestTLSRecords, "adopt": TestAdoptBringsAll,
		"shared": TestTLSFailedBufferIsNotShared,
	} {
		t.Run(name, f)
	}
}
