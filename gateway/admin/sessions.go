package admin

import (
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"github.com/gobwas/ws"
)

// closeSessions ends those that are chosen: POST /sessions/close?user=ada&code=4403.
func (h handlers) closeSessions(w http.ResponseWriter, r *http.Request) {
	c, err := choose(r, "code")
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	code := ws.StatusPolicyViolation
	if text := r.Form.Get("code"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n != 1000 && n != 1001 && n != 1008 && n != 1012 && n != 1013 && (n < 3000 || n > 4999) {
			http.Error(w, "code: "+strconv.Quote(text)+" is not 1000, 1001, 1008, 1012, 1013 or from 3000 to 4999", http.StatusBadRequest)
			return
		}
		code = ws.StatusCode(n)
	}
	serveCount(w, "closed", h.CloseSessions(c, code))
}

// renewSessions lets sessions last longer than their credential said: POST /sessions/renew?user=ada&expires=UNIXTIME.
func (h handlers) renewSessions(w http.ResponseWriter, r *http.Request) {
	c, err := choose(r, "expires")
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	at, err := strconv.ParseInt(r.Form.Get("expires"), 10, 64)
	if err != nil || at <= time.Now().Unix() || at >= endOfTime {
		http.Error(w, "expires: a time to come, in whole seconds since 1970, is needed", http.StatusBadRequest)
		return
	}
	serveCount(w, "renewed", h.RenewSessions(c, time.Unix(at, 0)))
}

// endOfTime is the year 10000, in seconds. What is larger is a time in milliseconds.
const endOfTime = 253402300800

func serveCount(w http.ResponseWriter, did string, n int) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]int{did: n})
}
