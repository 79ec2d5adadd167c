package io.tidemark.node.log;

/**
 * Chooses the form of the log: text lines by slf4j-simple, or one JSON object per line. Both go to
 * standard error. Must be called before the first logger is made, because SLF4J binds once.
 */
public final class Logging {
  private Logging() {}

  /**
   * Sets the log up.
   *
   * @param json JSON lines instead of text
   * @param debug also log what only developers need
   */
  public static void configure(boolean json, boolean debug) {
    String level = debug ? "debug" : "info";
    if (json) {
      System.setProperty("slf4j.provider", JsonLogProvider.class.getName());
      System.setProperty(JsonLogger.LEVEL_PROPERTY, level);
    }
    System.setProperty("slf4j.internal.verbosity", "ERROR");
    System.setProperty("org.slf4j.simpleLogger.defaultLogLevel", level);
    System.setProperty("org.slf4j.simpleLogger.log.io.netty", debug ? "info" : "warn");
    // What it retries, and why, the leases say in their own words.
    System.setProperty("org.slf4j.simpleLogger.log.io.etcd", debug ? "warn" : "error");
    System.setProperty("org.slf4j.simpleLogger.showDateTime", "true");
    System.setProperty("org.slf4j.simpleLogger.dateTimeFormat", "yyyy-MM-dd'T'HH:mm:ss.SSSXXX");
    System.setProperty("org.slf4j.simpleLogger.showThreadName", "false");
    System.setProperty("org.slf4j.simpleLogger.showShortLogName", "true");
  }

  /** For commands that print for people: warnings and errors only. */
  public static void quiet(boolean debug) {
    configure(false, debug);
    if (!debug) {
      System.setProperty("org.slf4j.simpleLogger.defaultLogLevel", "warn");
    }
  }
}
