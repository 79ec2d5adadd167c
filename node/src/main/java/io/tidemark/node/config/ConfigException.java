package io.tidemark.node.config;

/**
 * The configuration cannot be used. The message names the place (file and line, or flag), the cause
 * and the next step; the program exits with 2.
 */
public final class ConfigException extends Exception {
  private static final long serialVersionUID = 1;

  public ConfigException(String message) {
    super(message);
  }
}
