package node

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"path/filepath"

	"mask700/cmd/mask700/config"
	"mask700/media/kernel"
)

// offload opens the kernel's path of the media, or says why there is none: an
// error only where the configuration requires it.
func (n *Node) offload(cfg config.Config) (*kernel.Table, error) {
	n.path = "user space"
	name, err := pinName(cfg.DataDir)
	if err != nil {
		return nil, err
	}
	pins := kernel.Dir(name)
	if err := n.sweep(pins); err != nil {
		return nil, err
	}
	if cfg.Media.Offload == config.OffloadOff {
		n.userOnly = "off by media.offload"
		return nil, nil
	}
	directions := 0
	for _, p := range cfg.Media.Pools {
		directions += (int(p.Ports.Max) - int(p.Ports.Min) + 1) / 2
	}
	table, err := kernel.Open(kernel.Options{
		Entries: directions, Dir: pins,
		Notice: func(s string) { n.log.Warn("media offload", "news", s) },
	})
	switch {
	case err == nil:
		n.path = "the kernel on " + table.String() + " once a call has settled"
		n.log.Info("media offload", "on", table.String(), "directions", directions, "pinned", table.Pinned())
		return table, nil
	case cfg.Media.Offload == config.OffloadRequired:
		return nil, err
	}
	n.userOnly = err.Error()
	n.log.Info("media stays in user space", "reason", err)
	return nil, nil
}

// sweep ends what killed processes left in the kernel, whether we are to use it or
// not. What they left of our own ports must go; of others it is told.
func (n *Node) sweep(pins string) error {
	switch err := kernel.Clean(pins); {
	case errors.Is(err, kernel.ErrHidden):
		n.log.Warn("media offload", "news", err.Error())
	case err != nil:
		return fmt.Errorf("media: %w", err)
	}
	for _, err := range kernel.CleanOthers(pins, pinPrefix) {
		n.log.Warn("media offload", "news", err.Error())
	}
	return nil
}

const pinPrefix = "mask700-"

// pinName is the name of this installation's pins: that of its data, so that a
// process finds those that it left.
func pinName(dataDir string) (string, error) {
	path, err := filepath.Abs(dataDir)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256([]byte(path))
	return pinPrefix + hex.EncodeToString(sum[:6]), nil
}
