package observe

import (
	"crypto/tls"
	"slices"
	"strconv"

	"github.com/gobwas/ws"

	"weir/codec/deflate"
	"weir/codec/frame"
	"weir/codec/h2"
	"weir/codec/http1"
	"weir/codec/json"
	"weir/codec/proxyproto"
	"weir/gateway/auth"
	"weir/gateway/certs"
	"weir/gateway/config"
	"weir/gateway/reasons"
	"weir/gateway/web"
	"weir/upstream"
)

// What values the labels of metrics can have: each is a series from the start. Tests fail for one that is missing here.

func knownRefusals(*Scrape) []string {
	all := []string{reasons.ClientGone, reasons.NothingSent, reasons.Descriptors, reasons.Declined, reasons.TLSFailed}
	for _, r := range slices.Concat(reasons.Refusals, http1.Refusals, auth.Refusals, upstream.Refusals) {
		all = append(all, r.Reason)
	}
	for _, f := range proxyproto.Faults {
		all = append(all, f.Reason)
	}
	return all
}

func knownHTTPFailures(*Scrape) []string {
	all := slices.Clone(web.Reasons)
	for _, r := range slices.Concat(reasons.Refusals, http1.Refusals, auth.Refusals, upstream.Refusals) {
		all = append(all, r.Reason)
	}
	return all
}

func knownPoolFaults(*Scrape) (all []string) {
	for _, e := range slices.Concat(h2.Errors, upstream.PoolFaults) {
		all = append(all, e.Reason)
	}
	return all
}

func knownTLSFailures(*Scrape) []string { return certs.Reasons[:] }

func knownTLS(*Scrape) (all []tlsKey) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		all = append(all, tlsKey{version, false}, tlsKey{version, true})
	}
	return all
}

// passable are the codes that a close frame may carry (RFC 6455 section 7.4), 1005 for none.
var passable = []ws.StatusCode{1000, 1001, 1002, 1003, 1005, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 4000}

// knownEndings pairs each reason of a session's end with the codes that its client may have got or sent.
func knownEndings(s *Scrape) (all []CloseKey) {
	add := func(reason string, codes ...ws.StatusCode) {
		all = append(all, CloseKey{reason, CodeCut})
		for _, code := range codes {
			all = append(all, CloseKey{reason, CodeLabel(code)})
		}
	}
	for _, v := range slices.Concat(frame.Violations(), deflate.Faults, json.Faults) {
		add(v.Reason, v.Code)
	}
	for _, reason := range []string{reasons.ClientClose, reasons.BackendClose} {
		add(reason, passable...)
	}
	for _, reason := range []string{reasons.ClientEOF, reasons.ClientLost, reasons.Drain} { // the other side's close frame may follow
		add(reason, append(passable, 0)...)
	}
	add(reasons.Closed, 1000, 1001, 1008, 1012, 1013, 3000, 4000)
	add(reasons.Idle, ws.StatusGoingAway)
	add(reasons.Pong, ws.StatusGoingAway)
	add(reasons.FrameRate, ws.StatusPolicyViolation)
	for _, cfg := range s.Routes {
		for reason, code := range codesOf(cfg) {
			add(reason, code)
			if len(cfg.UpgradeOther) > 0 {
				add(reason, 0)
			}
		}
		if len(cfg.UpgradeOther) > 0 { // what is no WebSocket has no codes
			for _, reason := range []string{reasons.ClientClose, reasons.BackendClose, reasons.Closed, reasons.Idle} {
				add(reason, 0)
			}
		}
	}
	return all
}

// knownMoves are the reasons of moves with their outcomes.
func knownMoves(*Scrape) (all []MoveKey) {
	for _, reason := range Moves {
		for _, outcome := range MoveOutcomes {
			all = append(all, MoveKey{reason, outcome})
		}
	}
	return all
}

// codesOf are the close codes that a route may choose.
func codesOf(cfg *config.Config) map[string]ws.StatusCode {
	return map[string]ws.StatusCode{
		reasons.Expired: ws.StatusCode(cfg.AuthExpiredCode), reasons.MessageRate: ws.StatusCode(cfg.RateCode), reasons.Drain: ws.StatusCode(cfg.DrainCode), reasons.Reload: ws.StatusCode(cfg.DrainCode),
		reasons.EndpointDrain: ws.StatusCode(cfg.DrainCode), reasons.ReopenMismatch: ws.StatusCode(cfg.DrainCode), reasons.Rebalance: ws.StatusCode(cfg.DrainCode),
		reasons.BackendGone: ws.StatusCode(cfg.BackendLostCode), reasons.BackendLost: ws.StatusCode(cfg.BackendLostCode), reasons.BackendPong: ws.StatusCode(cfg.BackendLostCode),
		reasons.SlowReader: ws.StatusCode(cfg.SlowReaderCode), reasons.GatherMemory: ws.StatusCode(cfg.GatherMemoryCode), reasons.GatherTimeout: ws.StatusCode(cfg.GatherMemoryCode),
	}
}

// codeCut is told instead of a code where the client was cut inside a frame, where no close frame can be sent.
const CodeCut = "cut"

// CodeLabel folds the codes that applications may invent, so that nobody can grow the number of series.
func CodeLabel(code ws.StatusCode) string {
	switch {
	case code == 0:
		return "none"
	case code < 1016:
		return strconv.Itoa(int(code))
	case code < 4000:
		return "3xxx"
	default:
		return "4xxx"
	}
}
