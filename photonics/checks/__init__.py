"""Design rule and layout-versus-schematic checks."""
