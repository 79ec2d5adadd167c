package io.tidemark.node.config;

import io.tidemark.node.config.ConfigValues.Value;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;

/**
 * What a litefs.yml means where it leaves something out, or where Tidemark does it otherwise. It
 * works unchanged; what differs is said in one line each.
 */
final class LitefsFile {
  /** Secret that the nodes share, for files that know no {@code http.token}. */
  static final String TOKEN_VARIABLE = "TIDEMARK_TOKEN";

  private static final String OPEN_ADDRESS = ":20202";
  private static final String OWN_ADDRESS = "127.0.0.1:20202";

  /** Keys that LiteFS had before 0.4, and what replaced them there and here. */
  private static final Map<String, String> OLD_KEYS =
      Map.of(
          "mount-dir", "fuse.dir",
          "data-dir", "data.dir",
          "debug", "log.debug",
          "candidate", "lease.candidate",
          "retention", "data.retention",
          "consul", "lease.type: consul with lease.consul.url and lease.consul.key",
          "static", "lease.type: static with lease.candidate and lease.advertise-url");

  private final Path file;
  private final ConfigValues values;
  private final Map<String, String> env;
  private final Consumer<String> warnings;

  private LitefsFile(
      Path file, ConfigValues values, Map<String, String> env, Consumer<String> warnings) {
    this.file = file;
    this.values = values;
    this.env = env;
    this.warnings = warnings;
  }

  /** Whether a file of that name is one of LiteFS: litefs.yml, litefs.static.yml and the like. */
  static boolean is(Path file) {
    Path name = file.getFileName();
    return name != null && name.toString().matches("litefs\\b.*\\.ya?ml");
  }

  /** What replaced a key of old versions of LiteFS, or null. */
  static String renamed(String key) {
    return OLD_KEYS.get(key);
  }

  /**
   * Fills in what the file leaves out.
   *
   * @param flags keys that the command line gave, which win
   * @throws ConfigException when the nodes could not reach each other as LiteFS's would
   */
  static void complete(
      Path file,
      ConfigValues values,
      Set<String> flags,
      Map<String, String> env,
      Consumer<String> warnings)
      throws ConfigException {
    LitefsFile litefs = new LitefsFile(file, values, env, warnings);
    litefs.absent("fuse.dir", "/litefs");
    litefs.absent("data.dir", "/var/lib/litefs");
    litefs.token();
    if (!flags.contains("http.addr")) {
      litefs.address();
    }
    litefs.promotion();
  }

  /** LiteFS's own program in a command: it is called tidemark here. */
  static void commands(Path file, List<ExecStep> steps, Consumer<String> warnings) {
    for (ExecStep step : steps) {
      String program = step.command().get(0);
      if (program.equals("litefs") || program.endsWith("/litefs")) {
        warnings.accept(
            file
                + ": exec runs '"
                + String.join(" ", step.command())
                + "'. Write tidemark instead of "
                + program
                + "; it takes the same options.");
      }
    }
  }

  private void absent(String key, String value) {
    if (!values.isSet(key)) {
      values.put(key, new Value("the default of " + file.getFileName(), value, null));
    }
  }

  private void token() {
    String secret = env.getOrDefault(TOKEN_VARIABLE, "");
    if (!values.isSet("http.token") && !secret.isBlank()) {
      values.put("http.token", new Value("$" + TOKEN_VARIABLE, secret, null));
    }
  }

  /** LiteFS listens for everybody; Tidemark only if somebody who asks can be told from others. */
  private void address() throws ConfigException {
    boolean given = values.isSet("http.addr");
    if (given && values.hostPort("http.addr").isLoopback()) {
      return;
    }
    boolean guarded =
        values.isSet("http.token")
            || values.isSet("http.tokens")
            || values.isSet("http.tls.ca")
            || values.isSet("http.insecure") && values.bool("http.insecure");
    if (guarded) {
      absent("http.addr", OPEN_ADDRESS);
      return;
    }
    String open =
        (given ? values.place("http.addr") : file.toString())
            + ": the port "
            + (given ? values.get("http.addr").text() : OPEN_ADDRESS)
            + " is not opened to other hosts without a secret";
    String next =
        " Set the environment variable "
            + TOKEN_VARIABLE
            + " to the same secret on every node (or trust the network as LiteFS does:"
            + " http.insecure: true).";
    if (!values.choice("lease.type").equals("static")) {
      throw new ConfigException(open + ", and the nodes must reach each other." + next);
    }
    if (values.bool("lease.candidate")) {
      warnings.accept(open + ": replicas cannot reach this node." + next);
    }
    values.put("http.addr", new Value(OPEN_ADDRESS, OWN_ADDRESS, null));
  }

  /**
   * In LiteFS whichever candidate comes first is the primary of a new cluster, and {@code promote}
   * makes a node take the lease over before its commands run.
   */
  private void promotion() throws ConfigException {
    if (values.choice("lease.type").equals("static")) {
      return;
    }
    boolean takeOver = values.bool("lease.promote");
    String place = values.place("lease.promote");
    boolean candidate = values.bool("lease.candidate");
    values.put("lease.promote", new Value(place, String.valueOf(candidate), null));
    absent("lease.take-over", String.valueOf(takeOver && candidate));
  }
}
