"""How a department negotiates agreements with others through the gateway, and checks what the gateway shows of it."""
