package gateway

import (
	"weir/codec/deflate"
	"weir/codec/http1"
	"weir/gateway/config"
)

// Compression between client and gateway, for backends that have none (permessage-deflate, RFC 7692). No context is
// taken over from message to message, so the compressors are the loop's, and an idle session has nothing of its own.

const extensionsField = "Sec-WebSocket-Extensions"

// press is how a route compresses. Immutable.
type compression struct {
	level     int
	threshold uint64 // shorter messages go as they are
	options   deflate.Options
}

func newCompression(cfg *config.Config) *compression {
	if cfg.Compression != config.CompressionGateway {
		return nil
	}
	p := &compression{level: cfg.CompressionLevel, threshold: uint64(cfg.CompressionThreshold)}
	if cfg.CompressionWindow < deflate.MaxWindowBits {
		p.options.ServerWindowBits = uint8(cfg.CompressionWindow)
	}
	return p
}

// agree takes the client's best offer, if it has one that can be understood.
func (p *compression) agree(r *http1.Request) (params deflate.Params, ok bool) {
	var room [deflate.MaxOffers]deflate.Offer
	offers := room[:0]
	for _, f := range r.Fields {
		if !http1.Same(f.Name, extensionsField) {
			continue
		}
		var err error
		if offers, err = deflate.ParseOffers(offers, f.Value); err != nil {
			return params, false
		}
	}
	return deflate.Accept(offers, p.options)
}
