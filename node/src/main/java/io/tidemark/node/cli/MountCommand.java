package io.tidemark.node.cli;

import io.tidemark.node.config.ConfigException;
import io.tidemark.node.config.ConfigLoader;
import io.tidemark.node.config.ConfigLoader.Flag;
import io.tidemark.node.config.ExecStep;
import io.tidemark.node.config.NodeConfig;
import io.tidemark.node.log.Logging;
import io.tidemark.node.run.Node;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Starts a node and stays until it ends. */
@Command(
    name = "mount",
    description = "Mounts a directory for SQLite databases and serves it until a signal.",
    customSynopsis = "tidemark mount [OPTIONS] [-- COMMAND...]",
    footer = {
      "",
      "COMMAND starts when the mount is ready, receives the signals of this process, and its exit",
      "code becomes that of this process after a clean unmount. It replaces exec of the file.",
      "",
      "Examples:",
      "  tidemark mount --fuse-dir /srv/db --data-dir /var/lib/tidemark",
      "  tidemark mount --config /etc/tidemark.yml -- myapp --db /srv/db/app.db"
    })
final class MountCommand extends ToolCommand {
  @Option(
      names = "--config",
      paramLabel = "FILE",
      description = "Configuration; without it ./tidemark.yml, /etc/tidemark.yml, then litefs.yml.")
  private Path config;

  @Option(names = "--fuse-dir", paramLabel = "DIR", description = "Where to mount (fuse.dir).")
  private String fuseDir;

  @Option(names = "--data-dir", paramLabel = "DIR", description = "Where the data is (data.dir).")
  private String dataDir;

  @Option(
      names = "--http-addr",
      paramLabel = "HOST:PORT",
      description = "Address of the API (http.addr).")
  private String httpAddr;

  @Option(
      names = "--transport",
      paramLabel = "kernel|libfuse",
      description = "Who speaks with the kernel (fuse.transport).")
  private String transport;

  @Option(
      names = "--unmount-timeout",
      paramLabel = "TIME",
      description = "How long to wait for open files at the end (fuse.unmount-timeout).")
  private String unmountTimeout;

  @Option(
      names = "--no-expand-env",
      description = "Leave $X and $${X} in the configuration as they are.")
  private boolean noExpandEnv;

  @Option(
      names = {"--skip-unmount", "--tracing", "--fuse.debug"},
      hidden = true,
      description = "Flags of LiteFS without a meaning here.")
  private boolean ignored;

  @Override
  int call(Context context) throws Exception {
    List<String> warnings = new ArrayList<>();
    NodeConfig loaded;
    try {
      loaded = new ConfigLoader(System.getenv(), warnings::add).load(config, !noExpandEnv, flags());
    } catch (ConfigException e) {
      throw new Failure(Failure.USAGE, e.getMessage(), e);
    }
    Logging.configure(loaded.log().format().equals("json"), loaded.log().debug());
    Logger log = LoggerFactory.getLogger(MountCommand.class);
    warnings.forEach(log::warn);
    if (ignored) {
      log.warn("--skip-unmount, --tracing and --fuse.debug have no meaning here.");
    }
    return new Node(withCommand(loaded, context.command())).run();
  }

  private Map<String, Flag> flags() {
    Map<String, Flag> flags = new LinkedHashMap<>();
    put(flags, "fuse.dir", "--fuse-dir", fuseDir);
    put(flags, "data.dir", "--data-dir", dataDir);
    put(flags, "http.addr", "--http-addr", httpAddr);
    put(flags, "fuse.transport", "--transport", transport);
    put(flags, "fuse.unmount-timeout", "--unmount-timeout", unmountTimeout);
    put(flags, "log.debug", "--debug", debug ? "true" : null);
    return flags;
  }

  private static void put(Map<String, Flag> flags, String key, String name, String value) {
    if (value != null) {
      flags.put(key, new Flag(name, value));
    }
  }

  private static NodeConfig withCommand(NodeConfig config, List<String> command) throws Failure {
    if (command == null) {
      return config;
    }
    if (command.isEmpty()) {
      throw new Failure(
          Failure.USAGE, "There is no command after --. Add one, or remove --.", null);
    }
    return config.withExec(List.of(new ExecStep(command, false)));
  }
}
