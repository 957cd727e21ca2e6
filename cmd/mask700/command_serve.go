package main

import (
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"mask700/cmd/mask700/config"
)

// serveOptions are the flags that put something above the configuration file.
type serveOptions struct {
	flags                    *pflag.FlagSet
	config, dataDir, keyFile string
	sip                      []string
	coreDumps                bool
}

func (o *serveOptions) addFlags(fs *pflag.FlagSet) {
	o.flags = fs
	addStoreFlags(fs, &o.config, &o.dataDir, &o.keyFile)
	fs.StringArrayVar(&o.sip, "sip", nil, "listener, such as udp:0.0.0.0:5060; may be repeated (default UDP and TCP on 5060)")
	fs.String("trunk", "", "the one trunk, calls from and to this host: sip:HOST:PORT[;transport=tcp]")
	fs.String("media-address", "", "address for media (default the one toward each peer)")
	fs.String("media-ports", "", "ports for media (default 20000-39999)")
	fs.String("prompt", "", "what a refused caller hears: early, answer or none (default none)")
	fs.String("admin", "", "admin interface: unix:PATH or HOST:PORT (default admin.sock in the data directory)")
	fs.String("log-level", "", "debug, info, warn or error (default info)")
	fs.String("log-format", "", "text or json (default text)")
	fs.BoolVar(&o.coreDumps, "core-dumps", false, "let the system write a core when the program fails, and a debugger look into it: real numbers are in it")
}

func (o *serveOptions) overrides() config.Overrides {
	v := storeOverrides(o.flags)
	for _, s := range o.sip {
		v.SIP = append(v.SIP, config.Setting{From: "--sip", Value: s})
	}
	v.Trunk = setting(o.flags, "trunk", "")
	v.MediaAddress = setting(o.flags, "media-address", "")
	v.MediaPorts = setting(o.flags, "media-ports", "")
	v.Prompt = setting(o.flags, "prompt", "")
	v.Admin = setting(o.flags, "admin", "")
	v.LogLevel = setting(o.flags, "log-level", "")
	v.LogFormat = setting(o.flags, "log-format", "")
	return v
}

func (o *serveOptions) open() (config.Config, error) {
	return config.Open(configFile(o.flags), o.overrides())
}

func newServeCommand(d Deps) *cobra.Command {
	o := new(serveOptions)
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Carry calls until a signal says to stop",
		Long: `Carry calls until a signal says to stop.

Without a flag and without a file it listens on UDP and TCP 5060, keeps its store in ./mask700-data and its key in
./mask700.key, and has no trunk: name the softswitch beside it with --trunk.

SIGTERM drains: new calls are refused, those that go on may end. A second SIGTERM ends at once. SIGHUP reads the
configuration again.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := o.open()
			if err != nil {
				return err
			}
			if o.coreDumps && d.AllowCore != nil {
				if err := d.AllowCore(); err != nil {
					return err
				}
			}
			return d.Serve(cmd.Context(), cfg, cmd.OutOrStdout())
		},
	}
	o.addFlags(cmd.Flags())
	return cmd
}
