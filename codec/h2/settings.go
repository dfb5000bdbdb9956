package h2

import (
	"encoding/binary"
	"math"
)

// Settings are what one side allows the other (RFC 9113 section 6.5.2, RFC 8441 section 3). Begin with
// [DefaultSettings]: zero means zero, as in MaxConcurrentStreams.
type Settings struct {
	HeaderTableSize      uint32 // bytes of HPACK's dynamic table
	MaxConcurrentStreams uint32
	InitialWindowSize    uint32 // bytes that a new stream may send
	MaxFrameSize         uint32 // bytes of payload, 16,384 and up
	MaxHeaderListSize    uint32 // bytes of names and values, and 32 for each field
	EnablePush           bool
	EnableConnect        bool // extended CONNECT; from a server

	leastTable uint32 // the smallest HeaderTableSize of the last frame, see [Encoder.Apply]
}

const (
	idHeaderTableSize      = 0x1
	idEnablePush           = 0x2
	idMaxConcurrentStreams = 0x3
	idInitialWindowSize    = 0x4
	idMaxFrameSize         = 0x5
	idMaxHeaderListSize    = 0x6
	idEnableConnect        = 0x8

	settingLen   = 6
	defaultTable = 4096
	minMaxFrame  = 1 << 14
	maxMaxFrame  = 1<<24 - 1
	maxWindow    = math.MaxInt32
)

// DefaultSettings are in force until a side has sent its own.
func DefaultSettings() Settings {
	return Settings{
		HeaderTableSize:      defaultTable,
		MaxConcurrentStreams: math.MaxUint32,
		InitialWindowSize:    65535,
		MaxFrameSize:         minMaxFrame,
		MaxHeaderListSize:    math.MaxUint32,
		EnablePush:           true,
		leastTable:           defaultTable,
	}
}

// AppendSettings adds a connection's first SETTINGS frame: what differs from [DefaultSettings].
func AppendSettings(dst []byte, s Settings) []byte {
	start := len(dst)
	dst = AppendHeader(dst, Header{Type: TypeSettings})
	was := DefaultSettings()
	dst = appendSetting(dst, idHeaderTableSize, s.HeaderTableSize, was.HeaderTableSize)
	dst = appendSetting(dst, idEnablePush, bit(s.EnablePush), bit(was.EnablePush))
	dst = appendSetting(dst, idMaxConcurrentStreams, s.MaxConcurrentStreams, was.MaxConcurrentStreams)
	dst = appendSetting(dst, idInitialWindowSize, s.InitialWindowSize, was.InitialWindowSize)
	dst = appendSetting(dst, idMaxFrameSize, s.MaxFrameSize, was.MaxFrameSize)
	dst = appendSetting(dst, idMaxHeaderListSize, s.MaxHeaderListSize, was.MaxHeaderListSize)
	dst = appendSetting(dst, idEnableConnect, bit(s.EnableConnect), bit(was.EnableConnect))
	dst[start+2] = byte(len(dst) - start - HeaderLen)
	return dst
}

func appendSetting(dst []byte, id uint16, v, was uint32) []byte {
	if v == was {
		return dst
	}
	return binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint16(dst, id), v)
}

func bit(on bool) uint32 {
	if on {
		return 1
	}
	return 0
}

// read takes the settings of one frame, in their order. An error ends the connection.
func (s *Settings) read(p []byte, from Side) *Error {
	s.leastTable = math.MaxUint32
	for ; len(p) >= settingLen; p = p[settingLen:] {
		if err := s.set(binary.BigEndian.Uint16(p), binary.BigEndian.Uint32(p[2:]), from); err != nil {
			return err
		}
	}
	s.leastTable = min(s.leastTable, s.HeaderTableSize)
	return nil
}

func (s *Settings) set(id uint16, v uint32, from Side) *Error {
	switch id {
	case idHeaderTableSize:
		s.HeaderTableSize = v
		s.leastTable = min(s.leastTable, v)
	case idEnablePush:
		if v > 1 || v == 1 && from == Server {
			return badPush
		}
		s.EnablePush = v == 1
	case idMaxConcurrentStreams:
		s.MaxConcurrentStreams = v
	case idInitialWindowSize:
		if v > maxWindow {
			return badInitialWindow
		}
		s.InitialWindowSize = v
	case idMaxFrameSize:
		if v < minMaxFrame || v > maxMaxFrame {
			return badMaxFrame
		}
		s.MaxFrameSize = v
	case idMaxHeaderListSize:
		s.MaxHeaderListSize = v
	case idEnableConnect:
		if v > 1 || v == 0 && s.EnableConnect {
			return badConnect
		}
		s.EnableConnect = v == 1
	} // section 6.5.2: others are ignored
	return nil
}
