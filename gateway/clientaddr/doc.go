// Package clientaddr tells whose word on a client's address is taken: that of proxies in a list which the operator
// writes. A [Trust] is made once from configuration and then asked by any goroutine.
package clientaddr
