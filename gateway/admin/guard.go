package admin

import (
	"crypto/subtle"
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// guard keeps web pages away from a listener on loopback: a page cannot hide its Origin, and a name that was
// rebound to this address shows in Host. Changes need the token, or else a caller on this machine.
func guard(g Gateway, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Header.Get("Origin") != "" || r.Header.Get("Sec-Fetch-Site") != "" && r.Header.Get("Sec-Fetch-Site") != "none":
			http.Error(w, "requests from web pages are refused", http.StatusForbidden)
		case !hostIsAddress(r.Host):
			http.Error(w, "ask for an IP address or localhost, not for a name", http.StatusMisdirectedRequest)
		case r.Method == http.MethodPost && !entitled(w, mayChange(r, g.Token())):
			w.Header().Set("WWW-Authenticate", "Bearer")
			http.Error(w, "changes need the admin token (--admin-token), or a caller on this machine if none is set", http.StatusUnauthorized)
		default:
			next.ServeHTTP(w, r)
		}
	})
}

func hostIsAddress(host string) bool {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	host = strings.Trim(host, "[]")
	_, err := netip.ParseAddr(host)
	return err == nil || host == "localhost" || host == ""
}

// mayChange tells what entitles a caller to changes; "": nothing.
func mayChange(r *http.Request, token string) (by string) {
	if token != "" {
		given, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		if ok && subtle.ConstantTimeCompare([]byte(given), []byte(token)) == 1 {
			return "token"
		}
		return ""
	}
	if at, ok := r.Context().Value(http.LocalAddrContextKey).(*net.UnixAddr); ok && at != nil {
		return "unix socket" // the mode of its file says who may connect
	}
	if from, err := netip.ParseAddrPort(r.RemoteAddr); err == nil && from.Addr().Unmap().IsLoopback() {
		return "loopback"
	}
	return ""
}
