package config

import (
	"crypto/tls"
	"log/slog"
	"time"

	"weir/gateway/rate"
)

// Default is the configuration with no flag, variable or file given.
func Default() *Config {
	return &Config{
		Listen:   []string{"127.0.0.1:8080"},
		UnixMode: 0o660,
		Admin:    "127.0.0.1:9090",

		TLSMinVersion:     tls.VersionTLS12,
		TLSMaxVersion:     tls.VersionTLS13,
		TLSALPN:           []string{"h2", "http/1.1"},
		TLSUnknownName:    UnknownDefault,
		TLSClientAuth:     ClientAuthOff,
		TLSTickets:        true,
		TLSHandshakes:     1024,
		TLSReloadInterval: 10 * time.Second,
		RequireTLS:        RequireTLSOff,
		ACMEDirectory:     "https://acme-v02.api.letsencrypt.org/directory",

		ReloadInterval: 10 * time.Second,

		JWTLeeway:           10 * time.Second,
		AuthTimeout:         3 * time.Second,
		AuthPreflight:       PreflightPass,
		AuthRefusal:         RefuseHTTP,
		AuthMissingCode:     4001,
		AuthInvalidCode:     4002,
		AuthExpiredCode:     4401,
		AuthUnavailableCode: 1013,
		AuthFailureRate:     rate.Limit{N: 10, Per: time.Minute, Burst: 20},

		RateAction: RateClose,
		RateCode:   1008,
		IPv6Prefix: 64,
		RateTable:  1_000_000,

		HashOn:         HashOn{By: HashClientIP},
		Balance:        BalanceHash,
		BalanceFactor:  0,
		ConnectRetries: 2,
		Panic:          true,
		DNSInterval:    30 * time.Second,
		DNSMinTTL:      time.Second,
		DNSFamily:      DNSAuto,
		EmptyHold:      5 * time.Minute,

		OnBackendLoss:   LossClose,
		ReopenWait:      5 * time.Second,
		ReopenHeader:    "Weir-Reopen",
		RebalanceWithin: 10,

		StickySameSite: SameSiteLax,

		Health:         HealthAuto,
		HealthStatus:   []string{"200-399"},
		HealthInterval: 5 * time.Second,
		HealthTimeout:  2 * time.Second,
		HealthRise:     2,
		HealthFall:     3,

		Outlier:       true,
		OutlierRatio:  50,
		OutlierMin:    5,
		OutlierWindow: 30 * time.Second,
		OutlierEarly:  5 * time.Second,
		OutlierEject:  30 * time.Second,
		OutlierMax:    30,

		PoolMin:          1,
		PoolIdle:         time.Minute,
		PoolPingInterval: 15 * time.Second,
		PoolPingTimeout:  10 * time.Second,
		PoolSpread:       time.Second,

		PathEncoded:        EncodedRefuse,
		HTTP:               true,
		HTTPTimeout:        2 * time.Minute, // SignalR's long polls wait for 90 s
		HTTPMinRate:        240,
		HTTPHalfClose:      HalfCloseAnswer,
		HTTPIdleTimeout:    75 * time.Second,
		MaxHTTPConnections: 10000,

		HandshakeTimeout: 10 * time.Second,
		ConnectTimeout:   3 * time.Second,
		BackendTimeout:   10 * time.Second,
		IdleTimeout:      time.Hour,
		PongTimeout:      10 * time.Second,
		SlowTimeout:      10 * time.Second,
		GatherTimeout:    30 * time.Second,
		CloseTimeout:     5 * time.Second,
		DrainTimeout:     30 * time.Second,

		MaxHeaderSize:   16 << 10,
		MaxPathLength:   4 << 10,
		MaxHeaderFields: 100,
		HighWater:       128 << 10,
		LowWater:        32 << 10,
		GatherMemory:    256 << 20,
		ReadBuffer:      64 << 10,

		Messages:             MessagesAny,
		Compression:          CompressionPass,
		CompressionLevel:     1,
		CompressionThreshold: 256,
		CompressionWindow:    15,
		Extensions:           ExtensionsStrip,
		SlowReader:           SlowWait,
		DrainCode:            1001,
		BackendLostCode:      1011,
		SlowReaderCode:       1013,
		GatherMemoryCode:     1013,

		Forwarded: true,

		TCPNoDelay:   true,
		TCPKeepAlive: 60 * time.Second,
		DeferAccept:  5 * time.Second, // clients of WebSocket, HTTP and TLS all speak first

		AccessLog:       AccessText,
		AccessLogSample: 1,
		LogLevel:        slog.LevelInfo,

		MetricsPushInterval: 10 * time.Second,
	}
}
