SECRET = "canary-87fe01d1fa221148e4c1fcfe4da023dd"
