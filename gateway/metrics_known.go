package gateway

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
	"weir/gateway/web"
	"weir/upstream"
)

// What values the labels of metrics can have: each is a series from the start. Tests fail for one that is missing here.

func knownRefusals(*scrape) []string {
	all := []string{reasonClientGone, reasonNothingSent, reasonDescriptors, reasonDeclined, reasonTLS}
	for _, r := range slices.Concat(refusals, http1.Refusals, auth.Refusals, upstream.Refusals) {
		all = append(all, r.Reason)
	}
	for _, f := range proxyproto.Faults {
		all = append(all, f.Reason)
	}
	return all
}

func knownHTTPFailures(*scrape) []string {
	all := slices.Clone(web.Reasons)
	for _, r := range slices.Concat(refusals, http1.Refusals, auth.Refusals, upstream.Refusals) {
		all = append(all, r.Reason)
	}
	return all
}

func knownPoolFaults(*scrape) (all []string) {
	for _, e := range slices.Concat(h2.Errors, upstream.PoolFaults) {
		all = append(all, e.Reason)
	}
	return all
}

func knownTLSFailures(*scrape) []string { return certs.Reasons[:] }

func knownTLS(*scrape) (all []tlsKey) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		all = append(all, tlsKey{version, false}, tlsKey{version, true})
	}
	return all
}

// passable are the codes that a close frame may carry (RFC 6455 section 7.4), 1005 for none.
var passable = []ws.StatusCode{1000, 1001, 1002, 1003, 1005, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 4000}

// knownEndings pairs each reason of a session's end with the codes that its client may have got or sent.
func knownEndings(s *scrape) (all []closeKey) {
	add := func(reason string, codes ...ws.StatusCode) {
		all = append(all, closeKey{reason, codeCut})
		for _, code := range codes {
			all = append(all, closeKey{reason, codeLabel(code)})
		}
	}
	for _, v := range slices.Concat(frame.Violations(), deflate.Faults, json.Faults) {
		add(v.Reason, v.Code)
	}
	for _, reason := range []string{reasonClientClose, reasonBackendClose} {
		add(reason, passable...)
	}
	for _, reason := range []string{reasonClientEOF, reasonClientLost, reasonDrain} { // the other side's close frame may follow
		add(reason, append(passable, 0)...)
	}
	add(reasonClosed, 1000, 1001, 1008, 1012, 1013, 3000, 4000)
	add(reasonIdle, ws.StatusGoingAway)
	add(reasonPong, ws.StatusGoingAway)
	add(reasonFrames, ws.StatusPolicyViolation)
	for _, cfg := range s.routes {
		for reason, code := range codesOf(cfg) {
			add(reason, code)
			if len(cfg.UpgradeOther) > 0 {
				add(reason, 0)
			}
		}
		if len(cfg.UpgradeOther) > 0 { // what is no WebSocket has no codes
			for _, reason := range []string{reasonClientClose, reasonBackendClose, reasonClosed, reasonIdle} {
				add(reason, 0)
			}
		}
	}
	return all
}

// codesOf are the close codes that a route may choose.
func codesOf(cfg *config.Config) map[string]ws.StatusCode {
	return map[string]ws.StatusCode{
		reasonExpired: ws.StatusCode(cfg.AuthExpiredCode), reasonRate: ws.StatusCode(cfg.RateCode), reasonDrain: ws.StatusCode(cfg.DrainCode), reasonReload: ws.StatusCode(cfg.DrainCode),
		reasonBackendGone: ws.StatusCode(cfg.BackendLostCode), reasonBackendLost: ws.StatusCode(cfg.BackendLostCode), reasonBackendPong: ws.StatusCode(cfg.BackendLostCode),
		reasonSlow: ws.StatusCode(cfg.SlowReaderCode), reasonGather: ws.StatusCode(cfg.GatherMemoryCode), reasonGatherTimeout: ws.StatusCode(cfg.GatherMemoryCode),
	}
}

// codeCut is told instead of a code where the client was cut inside a frame, where no close frame can be sent.
const codeCut = "cut"

// codeLabel folds the codes that applications may invent, so that nobody can grow the number of series.
func codeLabel(code ws.StatusCode) string {
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
