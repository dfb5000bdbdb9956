package admin

import (
	"net/http"
	"strconv"

	"weir/upstream"
)

// changeEndpoint drains an endpoint, enables it again, or gives it another weight: POST /endpoints/ID/drain, /enable or
// /weight?n=5. The answer has what it is now, once for each set of backends that has it.
func (h handlers) changeEndpoint(w http.ResponseWriter, r *http.Request) {
	var change func(*upstream.Manual)
	switch what := r.PathValue("what"); what {
	case "drain":
		change = func(m *upstream.Manual) { m.Drained = true }
	case "enable":
		change = func(m *upstream.Manual) { m.Drained = false }
	case "weight":
		n, err := strconv.Atoi(r.FormValue("n"))
		if err != nil || n < 0 || n > 1000 {
			http.Error(w, "n: a weight from 1 to 1000 is needed, or 0 for the endpoint's own", http.StatusBadRequest)
			return
		}
		change = func(m *upstream.Manual) { m.Weight = n }
	default:
		http.Error(w, strconv.Quote(what)+" is not drain, enable or weight", http.StatusNotFound)
		return
	}
	now, err := h.ChangeEndpoint(r.PathValue("id"), change)
	switch {
	case err != nil:
		http.Error(w, err.Error(), http.StatusTooManyRequests)
	case len(now) == 0:
		http.Error(w, "no endpoint has this id; GET /endpoints lists them", http.StatusNotFound)
	default:
		serveJSON(w, now)
	}
}
